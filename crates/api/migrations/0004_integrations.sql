-- Slack, and organizations with their language models. Portable like 0001: see there for the forms of times, ids
-- and JSON. What is sealed is AES-256-GCM under a key of the server key, in Base64.

CREATE TABLE slack_integrations (
    workspace_id TEXT   NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    -- New at each connection, so that what is said of an old token never marks a new one.
    id           TEXT   NOT NULL UNIQUE,
    -- oauth: Slack gave us the token; token: a person did.
    via          TEXT   NOT NULL CHECK (via IN ('oauth', 'token')),
    sealed_token TEXT   NOT NULL,
    team_id      TEXT   NOT NULL,
    team         TEXT   NOT NULL,
    -- What messages are sent to, and its name when Slack told us.
    channel      TEXT   NOT NULL,
    channel_name TEXT,
    -- As Slack writes them, with commas.
    scopes       TEXT   NOT NULL,
    connected_by TEXT   NOT NULL,
    connected_at BIGINT NOT NULL,
    -- Since when Slack refuses the token or the channel, and by which word.
    broken_at    BIGINT,
    broken_error TEXT,
    -- Until when nothing is sent, because Slack is away or wants a pause.
    held_until   BIGINT,
    last_sent_at BIGINT,
    -- Why the last message was given up that was.
    lost_at      BIGINT,
    lost_error   TEXT
);

CREATE INDEX slack_integrations_team ON slack_integrations (team_id);

-- Installations that are under way: a row is taken by the first callback that brings its state.
CREATE TABLE slack_states (
    id           TEXT   NOT NULL PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    user_id      BIGINT NOT NULL REFERENCES users (id),
    -- Where to send messages; without it the person chooses at Slack.
    channel      TEXT,
    expires_at   BIGINT NOT NULL
);

CREATE INDEX slack_states_workspace ON slack_states (workspace_id);
CREATE INDEX slack_states_expiry ON slack_states (expires_at);

-- Outcomes of uploads that are still to be told. A row comes with the outcome, in its transaction, and goes when it
-- was told or given up. An upload that is tried again has several outcomes, each at its time.
CREATE TABLE slack_messages (
    upload_id      TEXT   NOT NULL,
    finished_at    BIGINT NOT NULL,
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    integration_id TEXT   NOT NULL,
    -- The outcome as it was then; the upload's row may say something newer.
    state          TEXT   NOT NULL,
    email          TEXT   NOT NULL,
    commit_id      TEXT,
    counts_json    TEXT,
    error_brief_json TEXT,
    attempts       BIGINT NOT NULL,
    -- Until when somebody is sending it.
    leased_until   BIGINT,
    PRIMARY KEY (upload_id, finished_at)
);

CREATE INDEX slack_messages_finished ON slack_messages (finished_at);
CREATE INDEX slack_messages_workspace ON slack_messages (workspace_id);
CREATE INDEX slack_messages_integration ON slack_messages (integration_id);

CREATE TABLE organizations (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL UNIQUE,
    display_name TEXT,
    -- The language models by category, without what is secret in them.
    llm_json     TEXT,
    -- The same with it, sealed; absent when nothing is secret.
    llm_sealed   TEXT,
    -- Where the secrets are in it, as a list of JSON pointers.
    llm_secrets_json TEXT,
    -- Counts changes, so that two of them can't overwrite each other.
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE TABLE organization_workspaces (
    workspace_id    TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id)
);

CREATE INDEX organization_workspaces_organization ON organization_workspaces (organization_id);
