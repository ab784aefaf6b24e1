-- Portable between SQLite and PostgreSQL. Times are microseconds since 1970-01-01T00:00:00Z,
-- ids are UUIDs as text, hashes are lower-case hexadecimal, *_json columns hold JSON as text.

CREATE TABLE users (
    id         BIGINT  NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL,
    -- The address in lower case: what comparisons use.
    email_key  TEXT    NOT NULL UNIQUE,
    is_staff   BOOLEAN NOT NULL,
    is_active  BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

CREATE TABLE workspaces (
    -- Immutable; tokens, uploads, objects and the repository are bound to it, never to the name.
    id             TEXT   NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL,
    owner          TEXT   NOT NULL,
    owner_key      TEXT   NOT NULL,
    -- creating: the repository is being made; ready: lives; deleting: is being taken apart.
    state          TEXT   NOT NULL CHECK (state IN ('creating', 'ready', 'deleting')),
    -- Counts changes of what Git does not hold (the owner).
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    -- When the server last moved the default branch.
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT,
    -- Derived from the default branch at this revision; rebuilt at start when it is behind.
    revision       TEXT,
    display_name   TEXT,
    locations_json TEXT   NOT NULL
);

-- A name is free again as soon as its workspace is marked.
CREATE UNIQUE INDEX workspaces_live_name ON workspaces (name) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_owner ON workspaces (owner_key);

-- Who may see a workspace by its spec.permissions: derived like the columns above, for lists only.
-- A request to one workspace reads Git's permissions itself.
CREATE TABLE workspace_members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    email_key    TEXT NOT NULL,
    PRIMARY KEY (workspace_id, email_key)
);

CREATE INDEX workspace_members_email ON workspace_members (email_key);

CREATE TABLE tokens (
    id           TEXT   NOT NULL PRIMARY KEY,
    -- SHA-256 of the token; the token itself is nowhere.
    hash         TEXT   NOT NULL UNIQUE,
    suffix       TEXT   NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('admin', 'upload')),
    user_id      BIGINT NOT NULL REFERENCES users (id),
    workspace_id TEXT   REFERENCES workspaces (id),
    -- The builder's location that an upload token was made for.
    location     TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

CREATE INDEX tokens_workspace ON tokens (workspace_id);

CREATE TABLE uploads (
    id           TEXT   NOT NULL PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    via          TEXT   NOT NULL CHECK (via IN ('inline', 'presigned')),
    state        TEXT   NOT NULL CHECK (state IN ('open', 'running', 'succeeded', 'failed', 'expired')),
    -- Who made it, and by which token: that token may poll it.
    email        TEXT   NOT NULL,
    token_id     TEXT   NOT NULL,
    options_json TEXT   NOT NULL,
    sha256       TEXT,
    size_bytes   BIGINT,
    object_key   TEXT,
    expires_at   BIGINT,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT,
    finished_at  BIGINT,
    commit_id    TEXT,
    -- The answer as it was given, for whoever asks again.
    answer_json  TEXT,
    error_json   TEXT,
    -- What lists show of the two, so that a page never reads the whole ones.
    counts_json  TEXT,
    error_brief_json TEXT
);

CREATE INDEX uploads_workspace ON uploads (workspace_id, created_at);
CREATE INDEX uploads_open ON uploads (state, expires_at);
