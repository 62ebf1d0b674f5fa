import { chromium } from "./browser.mjs";
import { contract } from "./contract.mjs";

contract(chromium);
