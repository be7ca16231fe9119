// Reads an AsyncAPI document from standard input; prints what the official parser finds in it, as JSON.
import { readFileSync } from "node:fs";

import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const channels = document?.allChannels().all().map((channel) => channel.address()) ?? [];
console.log(JSON.stringify({ channels, diagnostics }));
