-- What happened, in order, for those who follow a workspace: streams of events and webhooks.

CREATE TABLE events (
    -- Ascending, and never given twice: followers say the last one that they have.
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT    NOT NULL REFERENCES workspaces (id),
    kind         TEXT    NOT NULL CHECK (kind IN ('commit', 'push', 'upload', 'sync')),
    at           BIGINT  NOT NULL,
    -- The e-mail address of who made it, where one person did.
    actor        TEXT,
    data_json    TEXT    NOT NULL
);

CREATE INDEX events_of_workspace ON events (workspace_id, id);
CREATE INDEX events_by_time ON events (at);
