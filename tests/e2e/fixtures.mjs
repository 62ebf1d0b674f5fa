// Files to upload, made for one test file.

import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

const PIECE_BYTES = 1 << 20;

// A directory that lives as long as the suite it is called in.
export function temporaryDirectory() {
  const directory = { path: null };
  before(async () => {
    directory.path = await mkdtemp(join(tmpdir(), "picoshare-files-"));
  });
  after(() => rm(directory.path, { recursive: true }));
  return directory;
}

export async function textFile(directory, name, text) {
  const path = join(directory.path, name);
  await writeFile(path, text);
  return path;
}

// A file of this size that is nowhere the same, and its SHA-256.
export async function bigFile(directory, name, bytes) {
  const path = join(directory.path, name);
  const file = await open(path, "w");
  const hash = createHash("sha256");
  const piece = randomBytes(PIECE_BYTES);
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    piece.writeUInt32LE(at / PIECE_BYTES, 0);
    const part = piece.subarray(0, Math.min(PIECE_BYTES, bytes - at));
    hash.update(part);
    await file.write(part);
  }
  await file.close();
  return { path, digest: hash.digest("hex") };
}
