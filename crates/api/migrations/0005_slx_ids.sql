-- Portable between SQLite and PostgreSQL.

-- Which number an SLX has: given when it is first seen, and never given to another of the same workspace.
-- Not derived: an SLX that was deleted and comes again under its name gets its number back.
CREATE TABLE slx_ids (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    -- Counted from 1 in each workspace.
    id           BIGINT NOT NULL,
    -- The short name, byte for byte.
    name         TEXT   NOT NULL,
    -- When it was first seen.
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name)
);
