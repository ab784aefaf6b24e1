//! People beside the admin.

use serde_json::json;

use super::TestServer;

impl TestServer {
    /// Makes a user with a role on a workspace and returns the token of a login.
    pub(crate) fn sign_up(&self, email: &str, workspace: &str, role: &str) -> String {
        let password = "correct horse battery staple";
        let user = json!({"email": email, "fullName": "Some One", "password": password});
        self.post("/api/v3/users", &user).expect(201);
        let object = format!("/api/v3/workspaces/{workspace}");
        let shown = self.get(&object).expect(200);
        let mut permissions = shown.json["spec"]["permissions"].as_array().cloned().unwrap_or_default();
        permissions.push(json!({"user": email, "role": role}));
        self.patch(&object, &json!({"permissions": permissions})).expect(200);
        let credentials = json!({"email": email, "password": password});
        self.post("/api/v3/token/", &credentials).expect(200).field("access").to_owned()
    }
}
