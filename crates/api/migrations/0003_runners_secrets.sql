-- Portable between SQLite and PostgreSQL, by the rules of 0001.

-- The tokens by which runners register, one for each location. A token is derived from the server key, the
-- workspace's id, the location and the generation, so it is nowhere itself.
CREATE TABLE runner_tokens (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    location     TEXT   NOT NULL,
    -- Counts rotations: each ends the token before.
    generation   BIGINT NOT NULL,
    hash         TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, location)
);

-- The last id that a runner got, so that none comes twice.
CREATE TABLE runner_ids (
    last_id BIGINT NOT NULL
);

INSERT INTO runner_ids (last_id) VALUES (0);

CREATE TABLE runners (
    id             BIGINT NOT NULL PRIMARY KEY,
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    runner_uuid    TEXT   NOT NULL,
    location       TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    version        TEXT,
    created_at     BIGINT NOT NULL,
    last_heartbeat BIGINT NOT NULL,
    UNIQUE (workspace_id, runner_uuid),
    UNIQUE (workspace_id, location, name)
);

CREATE TABLE workspace_secrets (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    name         TEXT   NOT NULL,
    -- AES-256-GCM under a key of the server key, bound to the workspace's id and the name.
    sealed       TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
