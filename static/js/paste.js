/* What a paste brings: files, or text as a file; images first, plain text before other forms. */

/* From the clipboard of an event, while it is handled; an empty list when there is nothing of use. */
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

/* From the clipboard itself. The browser may ask first, or refuse, which throws. */
export async function filesFromClipboard() {
  const items = await navigator.clipboard.read();
  const [best] = items
    .flatMap((item) => item.types.map((type) => ({ item, type })))
    .filter(({ type }) => rankOf(type) > 0)
    .sort((a, b) => rankOf(b.type) - rankOf(a.type));
  if (best === undefined) {
    return [];
  }
  const blob = await best.item.getType(best.type);
  if (isImage(best)) {
    const kind = /^image\/(\w+)/.exec(best.type)[1];
    return [new File([blob], `pasted-${timestamp()}.${kind}`, { type: best.type })];
  }
  return blob.size === 0 ? [] : [textFile(await blob.text())];
}

function rankOf(type) {
  return [/^text\//, /^text\/plain/, /^image\//].findLastIndex((kind) => kind.test(type)) + 1;
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
