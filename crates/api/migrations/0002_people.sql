-- People: names and passwords, personal and Git tokens, sessions, signing keys, groups.

ALTER TABLE users ADD COLUMN full_name TEXT;
-- Argon2id in PHC form; without one nobody signs in by password.
ALTER TABLE users ADD COLUMN password_hash TEXT;

-- The same table with more kinds: SQLite changes no CHECK in place.
CREATE TABLE tokens_of_people (
    id           TEXT    NOT NULL PRIMARY KEY,
    -- SHA-256 of the token; the token itself is nowhere.
    hash         TEXT    NOT NULL UNIQUE,
    suffix       TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('admin', 'upload', 'personal', 'git')),
    user_id      BIGINT  NOT NULL REFERENCES users (id),
    -- The only workspace that an upload or Git token is good for.
    workspace_id TEXT    REFERENCES workspaces (id),
    -- The builder's location that an upload token was made for.
    location     TEXT,
    -- What its maker calls a personal token.
    name         TEXT,
    -- Whether a Git token only fetches.
    read_only    BOOLEAN NOT NULL DEFAULT FALSE,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

INSERT INTO tokens_of_people
    (id, hash, suffix, kind, user_id, workspace_id, location, created_at, expires_at, revoked_at, last_used_at)
SELECT id, hash, suffix, kind, user_id, workspace_id, location, created_at, expires_at, revoked_at, last_used_at
FROM tokens;

DROP TABLE tokens;
ALTER TABLE tokens_of_people RENAME TO tokens;
CREATE INDEX tokens_workspace ON tokens (workspace_id);
CREATE INDEX tokens_user ON tokens (user_id, kind);

-- One for each login by password. A session that ended has no row.
CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    -- The id of the only refresh token that is good now; an older one that comes again ends the session.
    refresh_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    -- When the refresh token dies, and the session with it.
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- The keys that sign JWTs; the newest signs, the others verify until what they signed is dead.
CREATE TABLE signing_keys (
    id             TEXT   NOT NULL PRIMARY KEY,
    -- PKCS #8 in PEM, encrypted under the server key and bound to the id; the public half is a part of it.
    sealed_private TEXT   NOT NULL,
    created_at     BIGINT NOT NULL
);

CREATE TABLE user_groups (
    name       TEXT   NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE user_group_members (
    group_name TEXT NOT NULL REFERENCES user_groups (name),
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    PRIMARY KEY (group_name, email_key)
);

CREATE INDEX user_group_members_email ON user_group_members (email_key);

-- Which groups may see a workspace by its spec.permissions: derived like workspace_members, for lists only.
CREATE TABLE workspace_groups (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    group_name   TEXT NOT NULL,
    PRIMARY KEY (workspace_id, group_name)
);

CREATE INDEX workspace_groups_group ON workspace_groups (group_name);

-- What is derived from Git is read again at the next start, now with the groups.
UPDATE workspaces SET revision = NULL WHERE state = 'ready';
