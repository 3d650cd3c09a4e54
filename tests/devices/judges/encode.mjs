// Runs in node, with npm's encoders: one JSON document in, one out.
import { readFileSync } from 'node:fs';
import CodepageEncoder from '@point-of-sale/codepage-encoder';
import ReceiptPrinterEncoder from '@point-of-sale/receipt-printer-encoder';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const pages = {};
for (const [name, letters] of Object.entries(asked.pages)) {
  if (CodepageEncoder.supports(name)) {
    pages[name] = [...letters].map((letter) => CodepageEncoder.encode(letter, name)[0]);
  }
}
const receipts = asked.receipts.map(({ text, codepage, columns }) => {
  const encoder = new ReceiptPrinterEncoder({ language: 'esc-pos', columns });
  return Buffer.from(encoder.initialize().codepage(codepage).line(text).encode()).toString('base64');
});
process.stdout.write(JSON.stringify({ pages, receipts }));
