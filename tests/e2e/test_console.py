"""The planners' console in a browser, on a real engine: what a planner sees, and that no page can hurt a sale."""

import contextlib
import csv
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from api.console.frame import WAYS
from devices.simulators.endpoints import TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from tests.e2e.browser import WAIT_MS, chromium, settled, sign_in
from tests.e2e.served import Served, command_line, fresh_id, wait_until

pytestmark = pytest.mark.long
PASSWORD = "correct horse battery"
PRODUCTS = 120
expect.set_options(timeout=WAIT_MS)


class House:
    """A served engine with some goods, its console's address, and two users."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.url: str = json.loads((served.data / "serve.json").read_text())["console"]
        for code, priority in (("riga-1", 1), ("hub", 2)):
            self.put(f"/v1/warehouses/{code}", {"name": f"Place {code}", "kind": "store", "priority": priority})
        for code in ("till", "web"):
            self.put(f"/v1/channels/{code}", {"name": code, "kind": code, "warehouses": None})
        products = [{"sku": f"cup-{n:03}", "name": f"Cup number {n}"} for n in range(PRODUCTS)]
        assert served.post("/v1/products:batch", products).is_success
        self.command(
            *({"kind": "receive", "sku": f"cup-{n:03}", "warehouse": "riga-1", "quantity": 50} for n in range(20))
        )
        for name, role in (("anna", "planner"), ("boss", "admin"), ("guest", "viewer")):
            assert self.users("add", name, "--role", role, "--password-stdin", words=PASSWORD).returncode == 0

    def put(self, path: str, body: Any) -> None:
        assert self.served.http.put(path, json=body).is_success

    def command(self, *rows: dict[str, Any]) -> None:
        body = [{"id": fresh_id(), **row} for row in rows]
        answer = self.served.http.post("/v1/commands", json=body).json()
        assert {result["outcome"] for result in answer["results"]} == {"ok"}, answer

    def sell(self, sku: str, channel: str = "till", quantity: int = 1, **more: Any) -> None:
        price = {"amount": 1250, "currency": "EUR"}
        self.command(
            {
                "kind": "sell",
                "sku": sku,
                "warehouse": "riga-1",
                "channel": channel,
                "quantity": quantity,
                "unit_price": price,
                **more,
            }
        )

    def users(self, *words_: str, words: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "api.cli", "users", *words_, "--data", str(self.served.data)]
        return subprocess.run(command, input=words, capture_output=True, text=True, timeout=60, check=False)

    def come(self) -> None:
        """Somebody comes to the door, by which the console is started."""
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=WAIT_MS / 1000) as http:
            assert http.get("/login").status_code == 200

    def processes(self) -> list[int]:
        return [each.pid for each in self.served.family() if "api.console" in command_line(each.pid)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    served = Served(tmp_path_factory.mktemp("console") / "data", "--transport", "local", "--shards", "1")
    with served:
        yield House(served)
        assert served.stop() == 0, served.words()


@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[Browser]:
    with chromium() as found:
        yield found


def context_of(browser: Browser, house: House, name: str, **options: Any) -> BrowserContext:
    context = browser.new_context(**{"locale": "en-GB", "accept_downloads": True, **options})
    page = context.new_page()
    sign_in(page, house.url, name, PASSWORD)
    page.wait_for_selector(".os-title", timeout=WAIT_MS)
    page.close()
    return context


@pytest.fixture(scope="module")
def anna(browser: Browser, house: House) -> Iterator[BrowserContext]:
    context = context_of(browser, house, "anna")
    yield context
    context.close()


@pytest.fixture
def page(anna: BrowserContext) -> Iterator[Page]:
    made = anna.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    yield made
    made.close()
    assert problems == []


def opened(page: Page, house: House, path: str) -> Page:
    page.goto(house.url + path)
    settled(page)
    return page


def test_nobody_pays_for_a_console_that_nobody_opens_and_the_first_visit_starts_it(house: House) -> None:
    assert house.processes() == []
    assert httpx2.get(f"{house.url}/alive", timeout=60, trust_env=False).text == "alive"
    assert len(house.processes()) == 1


def test_the_apis_root_leads_to_the_console(house: House) -> None:
    root = httpx2.get(house.served.url, trust_env=False)
    assert root.status_code == 200
    assert f'href="{house.url}"' in root.text


def test_every_secret_of_the_console_is_for_its_owner_alone(house: House) -> None:
    house.come()
    directory = house.served.data / "console"
    assert {"secret", "api.key", "users.json"} <= {path.name for path in directory.iterdir()}
    for path in [directory, *directory.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_the_consoles_own_key_can_read_and_nothing_else(house: House) -> None:
    house.come()
    headers = {"Authorization": f"Bearer {(house.served.data / 'console' / 'api.key').read_text()}"}
    with httpx2.Client(base_url=house.served.url, headers=headers, trust_env=False) as http:
        assert http.get("/v1/stock/cup-001").status_code == 200
        row = {"id": fresh_id(), "kind": "adjust", "sku": "cup-001", "warehouse": "riga-1", "delta": 1, "reason": "x"}
        assert http.post("/v1/commands", json=row).status_code == 403
        assert http.get("/v1/keys").status_code == 403


def test_a_wrong_password_is_refused_and_too_many_make_everybody_wait(house: House) -> None:
    with httpx2.Client(base_url=house.url, trust_env=False, timeout=30) as http:

        def guess(password: str) -> httpx2.Response:
            token = re.search(r'name="token" value="(\w+)"', http.get("/login").text)
            assert token is not None
            return http.post("/login", data={"name": "guest", "password": password, "token": token[1]})

        assert guess("wrong").status_code == 401
        assert http.post("/login", data={"name": "guest", "password": PASSWORD, "token": "x"}).status_code == 400
        for _ in range(5):
            last = guess("wrong")
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) >= 1
        assert "omnistock_session" not in http.cookies


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_gets(browser: Browser, house: House) -> None:
    context = context_of(browser, house, "boss")
    (session,) = [each for each in context.cookies() if each.get("name") == "omnistock_session"]
    assert session.get("httpOnly")
    assert session.get("sameSite") == "Lax"
    page = context.new_page()
    page.goto(house.url)
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    value = {"omnistock_session": str(session.get("value"))}
    assert httpx2.get(f"{house.url}/reports", cookies=value, trust_env=False).status_code == 401
    context.close()


def test_a_sale_made_through_the_api_appears_without_a_reload(page: Page, house: House) -> None:
    opened(page, house, "/")
    expect(page.locator(".os-badge-good", has_text="live").first).to_be_visible()
    house.sell("cup-007", quantity=3)
    latest = page.get_by_test_id("latest")
    expect(latest).to_contain_text("cup-007")
    expect(latest).to_contain_text("−3")
    expect(latest).to_contain_text("47 left")


def test_a_report_is_filtered_and_downloaded(page: Page, house: House) -> None:
    house.sell("cup-001", "web")
    house.sell("cup-002", "till", 2)
    until_reported(house, "web")
    opened(page, house, "/reports")
    page.get_by_text("Channel sales", exact=True).click()
    page.wait_for_url("**/reports/channel_sales")
    settled(page)
    table = page.locator(".os-table")
    expect(table).to_contain_text("till")
    page.get_by_label("Channel").click()
    page.get_by_role("option", name="web").click()
    page.wait_for_url("**channel=web*")
    settled(page)
    expect(table).not_to_contain_text("till")
    expect(table).to_contain_text("€12.50")
    with page.expect_download() as download:
        page.get_by_text("↓ CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [(row["channel"], row["net"]) for row in rows] == [("web", "1250")]
    assert download.value.suggested_filename.startswith("channel_sales_")


@pytest.mark.parametrize(
    ("format_", "begin"), [("xlsx", b"PK"), ("parquet", b"PAR1"), ("arrow", b"\xff\xff\xff\xff"), ("json", b'{"as_of"')]
)
def test_a_report_is_a_file_of_each_kind(anna: BrowserContext, house: House, format_: str, begin: bytes) -> None:
    answer = anna.request.get(f"{house.url}/download/channel_sales?format={format_}&span=28")
    assert answer.ok
    assert answer.body().startswith(begin)
    assert anna.request.get(f"{house.url}/download/..%2fkeys?format=csv").status == 404


def test_a_figure_of_stock_leads_to_its_explanation(page: Page, house: House) -> None:
    opened(page, house, "/stock?q=number 11")
    page.get_by_role("link", name="cup-011").click()
    page.wait_for_url("**/stock/cup-011")
    settled(page)
    page.locator(".os-table").get_by_role("link", name="50").click()
    page.wait_for_url("**/explain/cup-011/riga-1")
    settled(page)
    total = page.get_by_test_id("sum")
    expect(total).to_contain_text("= 50")
    expect(page.get_by_text("the parts add up")).to_be_visible()
    expect(page.locator(".os-table").first).to_contain_text("Received")


def test_what_ran_out_leads_to_its_explanation(page: Page, house: House) -> None:
    house.sell("cup-012", quantity=50)
    now = datetime.now(UTC).date().isoformat()
    wait_until(lambda: "cup-012" in house.served.http.get(f"/v1/reports/stock_outs?to={now}").text, "the stock-out")
    opened(page, house, "/today?warehouse=riga-1")
    page.get_by_role("link", name="Cup number 12").first.click()
    page.wait_for_url("**/explain/cup-012/riga-1")
    settled(page)
    expect(page.get_by_test_id("sum")).to_contain_text("= 0")
    opened(page, house, "/today?warehouse=riga-1")
    page.get_by_role("link", name="All that is out of stock").click()
    page.wait_for_url("**only=out*")
    settled(page)
    expect(page.locator(".os-table tbody tr")).to_have_count(1)
    expect(page.locator(".os-table")).to_contain_text("cup-012")


def test_products_come_a_page_at_a_time(page: Page, house: House) -> None:
    opened(page, house, "/stock")
    expect(page.locator(".os-table tbody tr")).to_have_count(50)
    page.get_by_text("Next page").click()
    page.wait_for_url("**cursor=*")
    settled(page)
    expect(page.locator(".os-table")).to_contain_text("cup-050")
    expect(page.locator(".os-table")).not_to_contain_text("cup-049")


def test_a_place_is_found_by_its_name_and_its_figures_are_its_own(page: Page, house: House) -> None:
    house.command({"kind": "receive", "sku": "cup-015", "warehouse": "hub", "quantity": 3})
    opened(page, house, "/stock?q=number 15")
    expect(page.locator(".os-table tbody tr")).to_contain_text("53")
    page.get_by_label("Place").fill("place hub")
    page.get_by_role("option", name="Place hub (hub)").click()
    page.wait_for_url("**warehouse=hub*")
    settled(page)
    row = page.locator(".os-table tbody tr")
    expect(row).to_have_count(1)
    expect(row.get_by_role("cell", name="53", exact=True)).to_have_count(0)
    row.get_by_role("link", name="3", exact=True).click()
    page.wait_for_url("**/explain/cup-015/hub")
    opened(page, house, "/stock?warehouse=hub")
    page.get_by_role("link", name="At the reorder point or below").click()
    page.wait_for_url("**only=below*")
    settled(page)
    expect(page.get_by_text("Nothing has fallen to its reorder point")).to_be_visible()


def test_a_search_finds_names_and_says_when_there_is_nothing(page: Page, house: House) -> None:
    opened(page, house, "/")
    page.get_by_label("Search stock").fill("NUMBER 117")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stock?q=*")
    settled(page)
    expect(page.locator(".os-table tbody tr")).to_have_count(1)
    expect(page.locator(".os-table")).to_contain_text("cup-117")
    opened(page, house, "/stock?q=nothing-like-this")
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_a_planner_closes_a_day_and_sees_what_was_written_down(page: Page, house: House) -> None:
    day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    house.sell("cup-004", quantity=2, occurred_at=f"{day}T12:00:00Z")
    path = f"/v1/reports/books?from={day}&to={day}"
    wait_until(lambda: bool(house.served.http.get(path).json().get("rows")), "the sale in the books")
    opened(page, house, "/books?warehouse=riga-1")
    page.locator(f'a[href="/books/{day}/riga-1"]').filter(has_text="not closed").click()
    page.wait_for_url(f"**/books/{day}/riga-1")
    settled(page)
    page.get_by_role("button", name="Close the day").click()
    page.locator(".q-dialog").get_by_role("button", name="Close the day").click()
    expect(page.get_by_text("is closed")).to_be_visible()
    expect(page.locator(".os-badge-good")).to_have_text("closed")
    expect(page.get_by_role("button", name="Close the day")).to_have_count(0)
    (written,) = house.served.http.get(f"/v1/closings?from={day}&to={day}").json()["items"]
    assert (written["closed_by"], written["figures"][0]["net"]) == ("console:anna", 2500)
    page.locator(".os-table").get_by_role("link", name="till").click()
    page.wait_for_url(f"**/books/{day}/riga-1/till")
    settled(page)
    expect(page.get_by_text("closed by anna")).to_be_visible()
    expect(page.locator(".os-table").first).to_contain_text("€25.00")
    expect(page.get_by_text("Nothing came later")).to_be_visible()


def test_what_a_planner_sets_is_journaled_in_the_planners_name(page: Page, house: House) -> None:
    opened(page, house, "/stock/cup-005")
    page.get_by_role("button", name="Set thresholds").click()
    page.get_by_label("Safety stock").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    expect(page.locator(".os-table").first).to_contain_text("43")
    stock = house.served.http.get("/v1/stock/cup-005").json()
    assert stock["cells"][0]["safety_stock"] == 7
    events = house.served.http.get("/v1/feed?sku=cup-005&kind=configure").json()["events"]
    assert [event["client"] for event in events] == ["console:anna"]


def test_a_product_shows_what_was_bought_with_it_and_what_its_group_is_looked_at(page: Page, house: House) -> None:
    for sku in ("jug-1", "jug-2", "jug-3"):
        house.put(f"/v1/products/{sku}", {"name": sku, "group": ["Jugs"]})
        house.command({"kind": "receive", "sku": sku, "warehouse": "hub", "quantity": 5})
    basket = {"kind": "sell", "warehouse": "hub", "channel": "till", "quantity": 1, "group": "jugs"}
    house.command(*({**basket, "sku": sku} for sku in ("jug-1", "jug-2")))
    day = datetime.now(UTC).date().isoformat()
    looked = {"sku": "jug-3", "channel": "web", "day": day, "views": 30, "cart_adds": 4}
    assert house.served.post("/v1/interest", looked).is_success
    suggested = "/v1/products/jug-1/suggestions"
    wait_until(lambda: len(house.served.http.get(suggested).json()["items"]) == 2, "both suggestions")
    opened(page, house, "/stock/jug-1")
    expect(page.get_by_text("jug-2 · 1 orders had both")).to_be_visible()
    expect(page.get_by_text("jug-3 · same group: in 4 carts, looked at 30 times")).to_be_visible()


def test_an_alert_leads_to_its_explanation_and_somebody_is_at_it(page: Page, house: House) -> None:
    if house.served.http.get("/v1/alerts").status_code == 404:
        pytest.skip("this engine raises no alerts")
    house.command({"kind": "configure", "sku": "cup-014", "warehouse": "riga-1", "reorder_point": 49})
    house.sell("cup-014")
    wait_until(lambda: "cup-014" in house.served.http.get("/v1/alerts").text, "the alert")
    opened(page, house, "/alerts?warehouse=riga-1")
    line = page.locator(".os-alert", has_text="cup-014")
    expect(line).to_contain_text("49 / 49")
    line.get_by_role("button", name="I am at it").click()
    expect(line).to_contain_text("Acknowledged · anna")
    page.get_by_role("link", name="By place").click()
    page.wait_for_url("**by=warehouse*")
    settled(page)
    expect(page.locator(".os-table tbody tr")).to_have_count(1)
    expect(page.locator(".os-table")).to_contain_text("Place riga-1")
    page.get_by_role("link", name="Open", exact=True).click()
    page.wait_for_url("**state=open*")
    settled(page)
    expect(page.get_by_text("No alerts")).to_be_visible()
    opened(page, house, "/alerts?warehouse=riga-1&state=acknowledged")
    line.get_by_role("link", name="Cup number 14").click()
    page.wait_for_url("**/explain/cup-014/riga-1")
    settled(page)
    expect(page.get_by_test_id("sum")).to_contain_text("= 49")
    expect(page.get_by_text("Reorder point 49")).to_be_visible()


def test_a_figure_is_found_by_a_word_of_its_formula(page: Page, house: House) -> None:
    opened(page, house, "/metrics")
    formula = page.get_by_text("sum of the quantities sold over the counter or fulfilled", exact=True)
    expect(formula.first).to_be_hidden()
    page.get_by_text("Units", exact=True).first.click()
    expect(formula.first).to_be_visible()
    page.get_by_label("Find a figure").fill("days of cover")
    expect(formula.first).to_be_hidden()
    expect(page.get_by_text("on hand / (sold / days)", exact=True)).to_be_visible()


class Counter:
    """A printer whose line breaks once in the middle of a receipt, and one that can prove nothing."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.simulator = PrinterSimulator(bytes_per_s=1e6, faults=(Fault(FaultKind.CABLE, 90, lasts_s=0.2),))
        self.endpoint = TcpDevice(self.simulator)
        self.endpoint.start()
        printer = {"kind": "receipt_printer", "driver": "escpos", "warehouse": "riga-1"}
        house.put("/v1/devices/till-7", {**printer, "transport": self.endpoint.address})
        house.put("/v1/devices/old-1", {**printer, "transport": "file:old-1", "settings": {"proof": "none"}})
        for code, job in (("till-7", "in-doubt"), ("old-1", "unproved")):
            self.print(code, job)
            self.until(code, job, "unknown")
        self.print("till-7", "sale-17")
        self.until("till-7", "sale-17", "confirmed")

    def print(self, code: str, job: str) -> None:
        document = {"blocks": [{"text": "Tea & Co", "size": "big"}, {"row": ["Tea", "4.50"]}, {"cut": True}]}
        answer = self.house.served.post(f"/v1/devices/{code}/jobs", {"id": job, "kind": "print", "document": document})
        assert answer.status_code == 202, answer.text

    def job(self, code: str, job: str) -> Any:
        return self.house.served.http.get(f"/v1/devices/{code}/jobs/{job}").json()

    def until(self, code: str, job: str, state: str) -> None:
        wait_until(lambda: self.job(code, job).get("state") == state, f"{job} to be {state}")


@pytest.fixture(scope="module")
def counter(house: House) -> Iterator[Counter]:
    made = Counter(house)
    yield made
    made.endpoint.stop()


def test_a_device_leads_to_its_jobs_and_a_job_to_its_picture(page: Page, house: House, counter: Counter) -> None:
    opened(page, house, "/devices")
    line = page.get_by_test_id("devices").get_by_role("link", name="till-7")
    expect(line).to_contain_text("In order")
    expect(line).to_contain_text("1 to decide")
    line.click()
    page.wait_for_url("**/devices/till-7")
    settled(page)
    page.get_by_test_id("jobs").get_by_role("link", name="sale-17").click()
    page.wait_for_url("**/jobs/sale-17")
    settled(page)
    paper = page.get_by_role("img", name="The receipt sale-17")
    expect(paper).to_be_visible()
    assert paper.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    shown = page.request.get(house.url + str(paper.get_attribute("src"))).body()
    assert shown == house.served.http.get("/v1/devices/till-7/jobs/sale-17/picture").content
    expect(page.get_by_text("proved by the printer").first).to_be_visible()


def test_a_job_in_doubt_is_decided_in_the_planners_name_and_what_happens_is_seen_at_once(
    page: Page, house: House, counter: Counter
) -> None:
    opened(page, house, "/devices")
    doubt = page.get_by_test_id("doubt").filter(has_text="in-doubt")
    doubt.get_by_role("button", name="Print a marked copy").click()
    expect(doubt).to_have_count(0)
    counter.until("till-7", "in-doubt:copy", "confirmed")
    job = counter.job("till-7", "in-doubt")
    assert (job["state"], job["decided_by"]) == ("abandoned", "console:anna")
    assert "".join(counter.simulator.text).count("COPY") == 2
    counter.simulator.run_out_of_paper()
    expect(page.get_by_test_id("devices").get_by_role("link", name="till-7")).to_contain_text("no paper")
    counter.simulator.put_paper_in()


def test_a_viewer_sets_nothing_decides_nothing_and_keeps_no_users(
    browser: Browser, house: House, counter: Counter
) -> None:
    house.users("password", "guest", "--password-stdin", words=PASSWORD)
    house.users("add", "looker", "--role", "viewer", "--password-stdin", words=PASSWORD)
    context = context_of(browser, house, "looker")
    page = opened(context.new_page(), house, "/stock/cup-005")
    expect(page.get_by_role("button", name="Set thresholds")).to_have_count(0)
    opened(page, house, "/devices")
    expect(page.get_by_test_id("doubt").filter(has_text="unproved")).to_contain_text("an administrator answers")
    expect(page.get_by_role("button", name="It was printed")).to_have_count(0)
    opened(page, house, "/users")
    expect(page.get_by_text("Administrators keep users and API keys")).to_be_visible()
    assert house.users("remove", "looker").returncode == 0
    page.goto(house.url)
    page.wait_for_url("**/login")
    context.close()


def test_an_administrator_adds_a_user_and_makes_a_key(browser: Browser, house: House) -> None:
    context = context_of(browser, house, "boss")
    page = opened(context.new_page(), house, "/users")
    page.get_by_label("Name", exact=True).fill("carla")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("carla may sign in")).to_be_visible()
    expect(page.get_by_text("carla was added")).to_be_visible()
    context_of(browser, house, "carla").close()
    page.locator(".os-line", has_text="carla").get_by_role("button", name="Role").click()
    page.locator(".q-dialog").get_by_label("Role").click()
    page.get_by_role("option", name="Viewer").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("carla has another role")).to_be_visible()
    viewer = context_of(browser, house, "carla")
    seen = opened(viewer.new_page(), house, "/stock/cup-005")
    expect(seen.get_by_role("button", name="Set thresholds")).to_have_count(0)
    viewer.close()
    opened(page, house, "/keys")
    page.get_by_label("Client").fill("web-shop")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator(".os-code").inner_text()
    assert httpx2.get(f"{house.served.url}/v1/stock/cup-001", headers={"Authorization": f"Bearer {key}"}).is_success
    context.close()


def test_every_reservation_is_seen_whoever_made_it(page: Page, house: House) -> None:
    body = {"channel": "web", "ttl_s": 600, "lines": [{"sku": "cup-003", "quantity": 2}], "reference": "order-17"}
    reservation = house.served.post("/v1/reservations", body).json()["reservation"]
    opened(page, house, "/reservations")
    expect(page.locator(".os-table")).to_contain_text("order-17")
    page.get_by_role("link", name=reservation[-8:]).click()
    page.wait_for_url("**/reservations/*")
    settled(page)
    expect(page.get_by_text("2 of 2 left")).to_be_visible()
    page.get_by_role("link", name="Why from there, or refused?").click()
    page.wait_for_url("**/explain?reservation=*")
    settled(page)
    expect(page.get_by_text("2 asked for, 2 obtained")).to_be_visible()
    opened(page, house, "/reservations")
    page.locator("tr", has_text="order-17").get_by_role("link", name="Why?").click()
    page.wait_for_url("**/explain?reservation=*")
    settled(page)
    expect(page.locator(".os-table")).to_contain_text("Place riga-1")


def test_a_browser_gets_its_language_and_a_user_may_choose_another(browser: Browser, house: House) -> None:
    context = context_of(browser, house, "anna", locale="pl-PL")
    page = opened(context.new_page(), house, "/channels")
    expect(page.locator("h1")).to_have_text("Kanały")
    assert page.locator("html").get_attribute("lang") == "pl"
    page.goto(f"{house.url}/prefer?language=ru&next=/channels")
    settled(page)
    expect(page.locator("h1")).to_have_text("Каналы")
    context.close()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_page_fits_a_phone_and_says_something(
    browser: Browser, house: House, counter: Counter, look: str
) -> None:
    context = context_of(browser, house, "boss", viewport={"width": 390, "height": 844})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{house.url}/prefer?look={look}")
    beyond = ["/stock/cup-001", "/explain/cup-001/riga-1", "/reports/turnover"]
    beyond += ["/devices/till-7", "/devices/till-7/jobs/sale-17"]
    beyond += [f"/books/{datetime.now(UTC).date()}/riga-1", "/books/2020-01-01/riga-1/till"]
    for path in [*(way.path for way in WAYS), *beyond]:
        opened(page, house, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.locator("[role=alert]").count() == 0, (path, page.locator("[role=alert]").all_inner_texts())
        words = page.locator(".os-page").inner_text()
        assert len(words) > 20, path
        assert not re.search(r"\{\"|None|undefined|\bnan\b", words), (path, words)
    assert problems == []
    context.close()


def test_a_page_that_is_not_there_says_so_in_the_readers_language(page: Page, house: House) -> None:
    page.goto(f"{house.url}/nothing-here")
    expect(page.locator(".os-empty-title")).to_have_text("There is no such page")
    page.locator(".os-page").get_by_text("Overview").click()
    page.wait_for_url(f"{house.url}/")


def test_a_page_whose_engine_is_away_says_so_and_comes_back_by_itself(page: Page, house: House) -> None:
    engine = house.served.process("api.serve").pid
    os.kill(engine, signal.SIGSTOP)
    try:
        page.goto(f"{house.url}/stock/cup-003", wait_until="commit")
        expect(page.locator(".os-empty-title")).to_have_text("The engine does not answer just now")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine, signal.SIGCONT)
    expect(page.locator(".os-title")).to_have_text("Cup number 3")


def test_the_keyboard_reaches_the_page_and_the_search(page: Page, house: House) -> None:
    opened(page, house, "/stock")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the page")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "q":
            return
    raise AssertionError("the search was not reached")


def test_a_console_that_dies_comes_back_and_no_sale_waits_for_it(page: Page, house: House) -> None:
    opened(page, house, "/")
    (before,) = house.processes()
    os.kill(before, signal.SIGSTOP)
    house.sell("cup-009")  # a page that hangs is nobody's business but its own
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: house.processes() not in ([], [before]), "another console")

    def sold_and_seen() -> bool:
        house.sell("cup-010")
        with contextlib.suppress(PlaywrightTimeout):
            page.get_by_test_id("latest").get_by_text("cup-010").first.wait_for(timeout=2_000)
            return True
        return False

    # The session outlived it, and the page finds its way back by itself.
    wait_until(sold_and_seen, "a sale on the page that was open before")


def until_reported(house: House, channel: str) -> None:
    """The sales are in the figures."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    path = f"/v1/reports/channel_sales?from={day}&channel={channel}"
    wait_until(lambda: bool(house.served.http.get(path).json().get("rows")), "the figures")
