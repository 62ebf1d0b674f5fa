import { chromium } from "./browser.mjs";
import { content } from "./content.mjs";

content(chromium);
