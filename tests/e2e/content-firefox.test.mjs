import { firefox } from "./browser.mjs";
import { content } from "./content.mjs";

content(firefox);
