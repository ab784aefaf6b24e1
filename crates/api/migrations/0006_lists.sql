-- What lists of workspaces are made from: all by name, and those of one member, without reading their rows.
CREATE INDEX workspaces_ready ON workspaces (name, id, owner_key) WHERE state = 'ready';
DROP INDEX workspace_members_email;
CREATE INDEX workspace_members_email ON workspace_members (email_key, workspace_id);
