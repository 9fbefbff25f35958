-- The layout of the store. `record.more` and `batch.rows` are rows as little-endian 32-bit numbers. `said` of a problem has its
-- message and hint as templates with arguments, `at_row` and `at_column` (from 0) are its place; `message`, `hint` and `cell` have
-- the rendered texts of version 0.1 and are empty since.
CREATE TABLE IF NOT EXISTS run (
  run INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  source_sha TEXT NOT NULL,
  mapping_sha TEXT NOT NULL,
  head TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  outcome TEXT NOT NULL DEFAULT 'running',
  exit_code INTEGER,
  elapsed_ms INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  throttled INTEGER NOT NULL DEFAULT 0,
  source_rows INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS run_source ON run (account, source_sha, mapping_sha);
CREATE TABLE IF NOT EXISTS batch (
  run INTEGER NOT NULL REFERENCES run,
  batch INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  rows BLOB NOT NULL,
  sent_at_ms INTEGER NOT NULL,
  watermark INTEGER NOT NULL,
  http_status INTEGER,
  owner INTEGER,
  carries INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, batch)
) WITHOUT ROWID;
-- A resumed run finds the few open batches among thousands.
CREATE INDEX IF NOT EXISTS batch_open ON batch (run) WHERE state IN ('sent', 'in-doubt');
CREATE TABLE IF NOT EXISTS record (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  status INTEGER NOT NULL,
  key TEXT,
  id INTEGER,
  contact_id INTEGER,
  company_id INTEGER,
  http_status INTEGER,
  batch INTEGER,
  attempts INTEGER NOT NULL,
  cells TEXT,
  more BLOB,
  url TEXT,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
-- The record that has created an entity (status 1): only one may.
CREATE INDEX IF NOT EXISTS record_made ON record (id) WHERE status = 1;
CREATE TABLE IF NOT EXISTS problem (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  n INTEGER NOT NULL,
  stage TEXT NOT NULL,
  code TEXT NOT NULL,
  title TEXT,
  cell TEXT,
  value TEXT,
  message TEXT NOT NULL,
  hint TEXT,
  said TEXT,
  at_row INTEGER,
  at_column INTEGER,
  PRIMARY KEY (run, row, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (
  run INTEGER NOT NULL REFERENCES run,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  count INTEGER NOT NULL,
  level INTEGER NOT NULL,
  UNIQUE (run, code, message)
);
-- The rows of the source in pieces: their numbers as above, their hashes as little-endian 64-bit numbers.
CREATE TABLE IF NOT EXISTS source_row (
  run INTEGER NOT NULL REFERENCES run,
  piece INTEGER NOT NULL,
  rows BLOB NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (run, piece)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  what TEXT NOT NULL,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
-- Written by versions before the sixth format, and only read since.
CREATE TABLE IF NOT EXISTS returned (
  export TEXT NOT NULL,
  id INTEGER NOT NULL,
  sheet INTEGER,
  account INTEGER,
  PRIMARY KEY (export, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent_back (
  export TEXT NOT NULL,
  file TEXT NOT NULL,
  id INTEGER NOT NULL,
  sent TEXT NOT NULL,
  sending TEXT NOT NULL,
  before TEXT NOT NULL,
  ours TEXT NOT NULL,
  base TEXT NOT NULL,
  PRIMARY KEY (export, file, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending_link (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  n INTEGER NOT NULL,
  what TEXT NOT NULL,
  PRIMARY KEY (run, row, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  made INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  id INTEGER,
  run INTEGER NOT NULL REFERENCES run,
  batch INTEGER,
  PRIMARY KEY (account, kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ledger_open ON ledger (run, batch) WHERE id IS NULL;
CREATE TABLE IF NOT EXISTS export (
  account TEXT NOT NULL,
  what TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  PRIMARY KEY (account, what)
) WITHOUT ROWID;
-- `account` of a run, a key or an export is the account's id as text; entries of an earlier format stay under their address until the id
-- is known.
CREATE TABLE IF NOT EXISTS account (
  address TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;
-- How an account has answered batches; `record_us` are the microseconds that each record adds to an answer.
CREATE TABLE IF NOT EXISTS speed (
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  action TEXT NOT NULL,
  size INTEGER NOT NULL,
  record_us INTEGER NOT NULL,
  PRIMARY KEY (account, kind, action)
) WITHOUT ROWID;
-- The name of this store, its path when it was last opened, and when it was found to have gone back in time.
CREATE TABLE IF NOT EXISTS store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  path TEXT NOT NULL,
  went_back_at_ms INTEGER
);
-- The ids up to which a store that went back in time is complete.
CREATE TABLE IF NOT EXISTS sure (
  account TEXT NOT NULL,
  entity TEXT NOT NULL,
  upto INTEGER NOT NULL,
  PRIMARY KEY (account, entity)
) WITHOUT ROWID;
-- The second record of a key that two addresses of one account had given to two records. It replaces the first when that is
-- forgotten.
CREATE TABLE IF NOT EXISTS twin (
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  id INTEGER NOT NULL,
  run INTEGER NOT NULL REFERENCES run,
  PRIMARY KEY (account, kind, key, id)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS twin_steps_in AFTER DELETE ON ledger BEGIN
  INSERT OR IGNORE INTO ledger (account, kind, key, id, run)
    SELECT account, kind, key, id, run FROM twin
    WHERE account = old.account AND kind = old.kind AND key = old.key AND id IS NOT old.id ORDER BY run LIMIT 1;
  DELETE FROM twin WHERE account = old.account AND kind = old.kind AND key = old.key
    AND id IN (old.id, (SELECT id FROM ledger WHERE account = old.account AND kind = old.kind AND key = old.key));
END;
