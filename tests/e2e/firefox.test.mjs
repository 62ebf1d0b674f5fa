import { firefox } from "./browser.mjs";
import { contract } from "./contract.mjs";

contract(firefox);
