#!/usr/bin/env python3
"""Makes a database as PicoShare 1.5 leaves it (for docs/operations.md): small pages, no map of them,
a log beside it, one file of 3 MB called holiday.mp4.

Usage: tests/docs/picoshare_database.py FILE"""

import os
import sqlite3
import sys

NEVER = "2999-12-31T00:00:00Z"
TABLES = """
PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;
CREATE TABLE entries (id TEXT PRIMARY KEY, filename TEXT NOT NULL, content_type TEXT NOT NULL,
 upload_time TEXT NOT NULL, expiration_time TEXT, guest_link_id TEXT, note TEXT) STRICT;
CREATE TABLE entries_data (id TEXT NOT NULL, chunk_index INTEGER NOT NULL, chunk BLOB NOT NULL,
 PRIMARY KEY (id, chunk_index)) STRICT;
CREATE TABLE guest_links (id TEXT PRIMARY KEY, label TEXT, max_file_bytes INTEGER,
 max_file_uploads INTEGER, creation_time TEXT NOT NULL, url_expiration_time TEXT,
 file_expiration_time TEXT, is_disabled INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE downloads (entry_id TEXT NOT NULL, download_timestamp TEXT NOT NULL, client_ip TEXT,
 user_agent TEXT, FOREIGN KEY (entry_id) REFERENCES entries (id)) STRICT;
CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 1),
 default_expiration_in_days INTEGER) STRICT;
CREATE INDEX idx_entries_guest_link_id ON entries (guest_link_id);
CREATE INDEX idx_entries_data_length ON entries_data (id, length(chunk));
INSERT INTO settings VALUES (1, 30);
PRAGMA user_version = 15;
"""

with sqlite3.connect(sys.argv[1]) as db:
    db.executescript(TABLES)
    for index in range(10):
        db.execute("INSERT INTO entries_data VALUES ('hR87apiUCj', ?, ?)", (index, os.urandom(327680)))
    db.execute(
        "INSERT INTO entries VALUES ('hR87apiUCj', 'holiday.mp4', 'video/mp4',"
        " '2025-07-28T13:45:10Z', ?, NULL, NULL)",
        (NEVER,),
    )
db.close()
