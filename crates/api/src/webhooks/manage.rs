//! Webhooks added, changed, tried, and what they delivered sent again.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::fields::WebhookFields;
use super::{Part, sender};
use crate::access::Permit;
use crate::app::AppState;
use crate::egress::Target;
use crate::error::ApiError;
use crate::fields::missing;
use crate::query::rfc3339;
use crate::store::events::EventKind;
use crate::store::now;
use crate::store::webhook_log::DeliveryRow;
use crate::store::webhooks::{Added, NewWebhook, WebhookChange, WebhookRow};
use crate::workspace::Workspace;

/// Adds a webhook; returns it with its secret, which is never shown again.
pub(crate) async fn add(
    app: &AppState,
    permit: &Permit,
    fields: WebhookFields,
) -> Result<(WebhookRow, SecretString), ApiError> {
    let url = fields.url.ok_or_else(|| missing("url", "where to send events"))?;
    let target = checked(app, &url).await?;
    // Asked again: the body and the name server may have taken long.
    let Permit { workspace, caller, .. } = permit.renewed(app).await?;
    let id = uuid::Uuid::now_v7().to_string();
    let secret = fields.secret.unwrap_or_else(made);
    let named = (workspace.id(), id.as_str());
    let sealed_url = Part::Url.seal(&app.server_key, named, target.url().as_str())?;
    let sealed_secret = Part::Secret.seal(&app.server_key, named, secret.expose_secret())?;
    let new = NewWebhook {
        id: &id,
        workspace_id: workspace.id(),
        shown_url: &target.to_string(),
        sealed_url: &sealed_url,
        sealed_secret: &sealed_secret,
        kinds: &fields.kinds.unwrap_or_else(|| EventKind::ALL.to_vec()),
        description: &fields.description.unwrap_or_default(),
        is_active: fields.is_active.unwrap_or(true),
        created_by: caller.email(),
        now: now(),
    };
    let max = app.settings.max_webhooks;
    match app.database.add_webhook(&new, max).await? {
        Added::Done => Ok((find(app, &workspace, &id).await?, secret)),
        Added::Gone => Err(ApiError::workspace_not_found(workspace.name().as_str())),
        Added::TooMany => {
            let detail = format!(
                "workspace {} has {max} webhooks, as many as it may; delete one, or raise WORKSTEAD_WEBHOOKS_MAX",
                workspace.name()
            );
            Err(ApiError::invalid("too_many_webhooks", detail))
        }
    }
}

/// Changes what was sent of a webhook.
pub(crate) async fn change(
    app: &AppState,
    permit: &Permit,
    id: &str,
    fields: WebhookFields,
) -> Result<WebhookRow, ApiError> {
    let row = find(app, &permit.workspace, id).await?;
    // Who sends back what was shown means the URL that is there.
    let url = match fields.url.filter(|url| *url != row.shown_url) {
        None => None,
        Some(url) => Some(checked(app, &url).await?),
    };
    let Permit { workspace, .. } = permit.renewed(app).await?;
    let named = (workspace.id(), id);
    let seal_url = |target: Target| {
        let sealed = Part::Url.seal(&app.server_key, named, target.url().as_str())?;
        Ok::<_, ApiError>((target.to_string(), sealed))
    };
    let seal_secret =
        |secret: SecretString| Part::Secret.seal(&app.server_key, named, secret.expose_secret());
    let change = WebhookChange {
        url: url.map(seal_url).transpose()?,
        sealed_secret: fields.secret.map(seal_secret).transpose()?,
        kinds: fields.kinds,
        description: fields.description,
        is_active: fields.is_active,
    };
    let changed = app.database.change_webhook(workspace.id(), id, &change, now()).await?;
    changed.ok_or_else(|| not_found(id))
}

/// Removes a webhook with its deliveries.
pub(crate) async fn remove(app: &AppState, workspace: &Workspace, id: &str) -> Result<(), ApiError> {
    if app.database.remove_webhook(workspace.id(), id).await? { Ok(()) } else { Err(not_found(id)) }
}

/// Finds a webhook of a workspace.
pub(crate) async fn find(app: &AppState, workspace: &Workspace, id: &str) -> Result<WebhookRow, ApiError> {
    app.database.find_webhook(workspace.id(), id).await?.ok_or_else(|| not_found(id))
}

/// Finds a delivery of a webhook.
pub(crate) async fn find_delivery(
    app: &AppState,
    webhook: &WebhookRow,
    id: &str,
) -> Result<DeliveryRow, ApiError> {
    let found = app.database.find_delivery(&webhook.id, id).await?;
    found.ok_or_else(|| {
        let shown: String = id.chars().take(100).collect();
        let detail = format!("the webhook has no delivery {shown:?}; old ones are forgotten");
        ApiError::not_found("delivery_not_found", detail)
    })
}

/// Has a webhook told that it works, once, whether it is active or not.
pub(crate) async fn ping(app: &AppState, permit: &Permit, id: &str) -> Result<DeliveryRow, ApiError> {
    let Permit { workspace, caller, .. } = permit;
    let webhook = find(app, workspace, id).await?;
    let now = now();
    let text = json!({
        "id": Value::Null,
        "event": "ping",
        "occurredAt": rfc3339(now),
        "workspace": workspace.name().as_str(),
        "actor": caller.email(),
        "data": { "webhook": webhook.id },
    });
    let added = app.database.add_ping(&webhook.id, &text.to_string(), now).await?;
    let added = added.ok_or_else(|| {
        ApiError::conflict("ping_pending", "a ping of this webhook is under way; wait for what comes of it")
    })?;
    sender::wake(app);
    find_delivery(app, &webhook, &added).await
}

/// Has a delivery sent again, under its id, with as many attempts as a new one.
pub(crate) async fn redeliver(
    app: &AppState,
    workspace: &Workspace,
    id: &str,
    delivery_id: &str,
) -> Result<DeliveryRow, ApiError> {
    let webhook = find(app, workspace, id).await?;
    let delivery = find_delivery(app, &webhook, delivery_id).await?;
    if !webhook.is_active && delivery.event_id.is_some() {
        let detail = "the webhook is inactive; set active to true first";
        return Err(ApiError::conflict("webhook_inactive", detail));
    }
    if !app.database.redeliver(&delivery.id, now()).await? {
        let detail = "the delivery is being sent at this moment; wait for what comes of it";
        return Err(ApiError::conflict("delivery_under_way", detail));
    }
    sender::wake(app);
    find_delivery(app, &webhook, delivery_id).await
}

/// Reads a URL and refuses early what no attempt would go to.
async fn checked(app: &AppState, url: &str) -> Result<Target, ApiError> {
    let target = app.egress.target(url).map_err(|refusal| refusal.answer("url"))?;
    app.egress.check(&target).await.map_err(|refusal| refusal.answer("url"))?;
    Ok(target)
}

/// Makes a secret.
fn made() -> SecretString {
    // The thread's generator is ChaCha12, seeded by the operating system: fit for keys.
    SecretString::from(hex::encode(rand::random::<[u8; 32]>()))
}

fn not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(100).collect();
    ApiError::not_found("webhook_not_found", format!("the workspace has no webhook {shown:?}"))
}
