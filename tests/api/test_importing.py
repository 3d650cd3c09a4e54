"""`omnistock import` against a whole engine."""

import csv
import json
import os
from pathlib import Path

import pytest
import typer
import xlsxwriter
from typer.testing import CliRunner, Result

from api import import_run, importing
from tests.api.box import Box

PRODUCTS = "sku,name,quantity_decimals,brand\nmug,Mug,0,Bolt\ntea,Tea,3,\nbowl,Bowl,,\n"


def command_line() -> typer.Typer:
    app = typer.Typer()

    @app.callback()
    def many() -> None:
        """More than one command: names are kept."""

    importing.register(app)
    return app


def imported(box: Box, path: Path, kind: str, *more: str) -> Result:
    words = ["import", str(path), "--kind", kind, "--url", box.url, "--key", box.admin, *more]
    return CliRunner().invoke(command_line(), words)


def file(tmp_path: Path, text: str, name: str = "goods.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def errors_of(path: Path) -> list[dict[str, str]]:
    with import_run.errors_path(path).open(encoding="utf-8-sig", newline="") as errors:
        return list(csv.DictReader(errors))


def test_products_come_in_and_the_same_file_again_changes_nothing(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, PRODUCTS)
    first = imported(box, path, "products")
    assert first.exit_code == 0, first.output
    assert "3 of 3 rows imported" in first.stdout
    assert box.get("/v1/products/mug")["brand"] == "Bolt"
    assert box.get("/v1/products/tea")["quantity_decimals"] == 3
    box.put("/v1/products/mug", {"name": "Mug, large"})
    again = imported(box, path, "products")
    assert again.exit_code == 0
    assert "nothing changed" in again.stdout
    assert box.get("/v1/products/mug")["name"] == "Mug, large"


def test_opening_stock_is_received_once(box: Box, tmp_path: Path) -> None:
    imported(box, file(tmp_path, "sku,name\nfork,Fork\nspoon,Spoon\n"), "products")
    path = file(
        tmp_path,
        "sku;warehouse;quantity;unit_cost\nfork;berlin;1 200;0,35\nspoon;hamburg;7;\nspoon;berlin;0;\n",
        "s.csv",
    )
    for words in (
        "2 of 3 rows imported; 1 with a quantity of zero",
        "nothing changed: its 2 good rows were imported before",
    ):
        result = imported(box, path, "stock", "--currency", "EUR")
        assert result.exit_code == 0, result.output
        assert words in result.stdout
        assert box.get("/v1/stock/fork")["on_hand"] == 1200
        assert box.get("/v1/stock/spoon")["on_hand"] == 7


def test_sales_are_settled_whatever_is_there(box: Box, tmp_path: Path) -> None:
    imported(box, file(tmp_path, "sku,name\nplate,Plate\n"), "products")
    imported(box, file(tmp_path, "sku,warehouse,quantity\nplate,berlin,1\n", "stock.csv"), "stock")
    path = tmp_path / "sales.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["SKU", "Warehouse", "Channel", "Quantity", "Unit price", "Currency", "Occurred at"])
    sheet.write_row(1, 0, ["plate", "berlin", "shop", 3, 4.9, "EUR", "2026-01-31 14:05"])
    book.close()
    result = imported(box, path, "sales", "--time-zone", "Europe/Riga")
    assert result.exit_code == 0, result.output
    assert box.get("/v1/stock/plate")["on_hand"] == -2
    event = next(e for e in box.get("/v1/feed?sku=plate&limit=100")["events"] if e["kind"] == "sell")
    assert event["occurred_at"] == "2026-01-31T12:05:00.000Z"
    assert event["unit_price"] == {"amount": 490, "currency": "EUR"}


def test_bad_rows_are_told_by_line_and_reason_and_the_others_go_on(box: Box, tmp_path: Path) -> None:
    imported(box, file(tmp_path, "sku,name\npan,Pan\n"), "products")
    path = file(
        tmp_path,
        "sku,warehouse,quantity\npan,berlin,5\npan,oslo,5\n,berlin,5\nnobody,berlin,5\npan,berlin,five\npan,berlin,0.5\npan,berlin,1,extra\npan,hamburg,2\n",
        "stock.csv",
    )
    result = imported(box, path, "stock")
    assert result.exit_code == 1
    assert "2 of 8 rows imported; 6 refused" in result.stdout
    assert [(row["import_line"], row["import_error"].split(":")[0]) for row in errors_of(path)] == [
        ("3", "unknown_warehouse"),
        ("4", "sku"),
        ("5", "unknown_sku"),
        ("6", "quantity"),
        ("7", "invalid_quantity"),
        ("8", "it has 4 cells, the header 3"),
    ]
    assert "line 5: unknown_sku" in result.stderr
    assert box.get("/v1/stock/pan")["on_hand"] == 7


def test_corrected_file_of_errors_can_be_imported(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, "sku,name\npot,Pot\nlid,\n")
    assert imported(box, path, "products").exit_code == 1
    errors = import_run.errors_path(path)
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace("lid,", "lid,Lid"))
    assert imported(box, errors, "products").exit_code == 0
    assert box.get("/v1/products/lid")["name"] == "Lid"
    assert "import_line" not in box.get("/v1/products/lid")


def test_second_row_of_a_product_is_refused(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, "sku,name\ndish,Dish\ndish,Other\n")
    assert imported(box, path, "products").exit_code == 1
    assert errors_of(path)[0]["import_error"] == "sku: the same as in line 2"
    assert box.get("/v1/products/dish")["name"] == "Dish"


def test_file_of_errors_goes_when_there_are_none(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, "sku,name\nknife,\n")
    imported(box, path, "products")
    path.write_text("sku,name\nknife,Knife\n")
    imported(box, path, "products")
    assert not import_run.errors_path(path).exists()


def test_rows_go_in_several_requests(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "ROWS_PER_REQUEST", 3)
    path = file(tmp_path, "sku,name\n" + "".join(f"many-{i},Many {i}\n" for i in range(10)))
    assert "10 of 10 rows" in imported(box, path, "products").stdout
    assert "nothing changed" in imported(box, path, "products").stdout


def test_request_too_large_goes_in_halves(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, "sku,name,notes\n" + "".join(f"large-{i},Large,{'x' * 30_000}\n" for i in range(300)))
    result = imported(box, path, "products")
    assert "300 of 300 rows imported" in result.stdout, result.output


def test_engine_is_found_by_its_data_directory(box: Box, tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text(box.admin)
    (tmp_path / "serve.json").write_text(json.dumps({"url": box.url, "pid": os.getpid()}))
    path = file(tmp_path, "sku,name\nbeaker,Beaker\n")
    result = CliRunner().invoke(command_line(), ["import", str(path), "--kind", "products", "--data", str(tmp_path)])
    assert result.exit_code == 0, result.output


def test_no_engine_is_an_error_in_words(tmp_path: Path) -> None:
    path = file(tmp_path, PRODUCTS)
    result = CliRunner().invoke(command_line(), ["import", str(path), "--kind", "products", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "omnistock serve" in result.stderr


def test_wrong_key_is_an_error_in_words(box: Box, tmp_path: Path) -> None:
    path = file(tmp_path, PRODUCTS)
    words = ["import", str(path), "--kind", "products", "--url", box.url, "--key", "os_no"]
    result = CliRunner().invoke(command_line(), words)
    assert result.exit_code == 1
    assert "401" in result.stderr


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("sku,title\n1,a\n", ["--kind", "products"], "has no column name"),
        ("", ["--kind", "products"], "has no column sku, name"),
        ("sku,name,Name\n1,a,b\n", ["--kind", "products"], "column name twice"),
        (PRODUCTS, [], "--kind"),
        (PRODUCTS, ["--kind", "shoes"], "shoes"),
        (PRODUCTS, ["--kind", "products", "--time-zone", "Mars/Base"], "Mars"),
        (PRODUCTS, ["--kind", "products", "--encoding", "klingon"], "klingon"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, text: str, words: list[str], said: str) -> None:
    path = file(tmp_path, text)
    asked = ["import", str(path), "--url", "http://127.0.0.1:9", "--key", "k", *words]
    result = CliRunner().invoke(command_line(), asked)
    assert result.exit_code == 2
    assert said in result.stderr


def test_sample_can_be_imported(box: Box, tmp_path: Path) -> None:
    box.put("/v1/warehouses/riga-1", {"name": "Riga", "kind": "store", "priority": 9})
    box.put("/v1/channels/till", {"name": "Till", "kind": "till"})
    for kind in ("products", "stock", "sales"):
        shown = CliRunner().invoke(command_line(), ["import", "--sample", "--kind", kind])
        assert shown.exit_code == 0
        result = imported(box, file(tmp_path, shown.stdout, f"{kind}.csv"), kind)
        assert result.exit_code == 0, result.output
    assert box.get("/v1/stock/cup-blue")["on_hand"] == 118


def test_sample_without_a_kind_shows_all() -> None:
    shown = CliRunner().invoke(command_line(), ["import", "--sample"])
    assert shown.exit_code == 0
    assert shown.stdout.count("sku,") == 3
