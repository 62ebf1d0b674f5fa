/* What a paste brings: files, or text as a file. */

/* The files in the clipboard, images first; otherwise its text, plain text before other forms; an
   empty list when there is nothing of use. Must be called while the event is handled. */
export async function filesFromPaste(clipboard) {
  const items = [...clipboard.items];
  const files = items
    .filter((item) => item.kind === "file")
    .map((item) => item.getAsFile())
    .filter((file) => file !== null)
    .sort((a, b) => Number(isImage(b)) - Number(isImage(a)));
  if (files.length > 0) {
    return [withOwnName(files[0])];
  }
  const texts = items
    .filter((item) => item.kind === "string")
    .sort((a, b) => Number(b.type === "text/plain") - Number(a.type === "text/plain"));
  if (texts.length === 0) {
    return [];
  }
  const text = await new Promise((resolve) => {
    texts[0].getAsString(resolve);
  });
  return text === "" ? [] : [textFile(text)];
}

function isImage(file) {
  return file.type.startsWith("image/");
}

/* Browsers call every pasted picture image.png. */
function withOwnName(file) {
  return file.name === "image.png"
    ? new File([file], `pasted-${timestamp()}.png`, { type: file.type })
    : file;
}

function textFile(text) {
  return new File([text], `pasted-${timestamp()}.txt`, { type: "text/plain;charset=UTF-8" });
}

function timestamp() {
  return new Date().toISOString().replaceAll(":", "");
}
