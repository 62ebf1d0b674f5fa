/* What is known of a file. */

import "./link-buttons.js";
import "./upload-links.js";
import { goBack } from "./back.js";
import { formatLongTime } from "./times.js";

const uploadTime = document.getElementById("upload-timestamp");
uploadTime.textContent = formatLongTime(new Date(uploadTime.dateTime));

document.getElementById("close-btn").addEventListener("click", () => goBack("/files"));
