//! StackStorm: there, lets us in, and has what the routes name.

use super::finding::Finding;
use crate::{
    config::Settings,
    dispatcher::Routes,
    model::target::{ActionRef, Target, WebhookName},
    stackstorm::{ActionCache, ActionError, Client, LookupError},
};
use std::{collections::BTreeMap, time::Duration};

const AREA: &str = "stackstorm";

/// A person waits for the answer; the dispatcher's own limit is longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let client = match client(settings) {
        Ok(client) => client,
        Err(error) => return vec![Finding::unknown(AREA, "settings", format!("{error:#}"))],
    };
    let mut findings = match client.ping().await {
        Ok(version) => vec![
            Finding::ok(AREA, "reachable", format!("version {}, and it lets us in", version.version)),
            request_id(version.echoed),
        ],
        Err(error) => return vec![refusal(&error)],
    };
    match Routes::open(settings.dispatch.routes.as_deref()) {
        Ok(routes) => {
            let mut targets: BTreeMap<String, (Target, Vec<String>)> = BTreeMap::new();
            for route in routes.table().routes() {
                let known = targets.entry(route.target.to_string());
                known.or_insert_with(|| (route.target.clone(), Vec::new())).1.push(route.name.clone());
            }
            for (name, (target, routes)) in targets {
                findings.push(of_target(&client, &name, &target, &routes.join(", ")).await);
            }
        }
        Err(error) => findings.push(
            Finding::wrong(AREA, "routes", format!("{error:#}"))
                .advice("correct POUNDCAKE_ROUTES; poundcake routes test"),
        ),
    }
    findings
}

fn client(settings: &Settings) -> anyhow::Result<Client> {
    let mut config = settings.stackstorm.client_config()?;
    config.timeout = config.timeout.min(PATIENCE);
    Ok(Client::new(config)?)
}

/// What tells st2api's own answers from those of a proxy (`stackstorm::outcome`).
fn request_id(echoed: bool) -> Finding {
    if echoed {
        return Finding::ok(AREA, "request id", "X-Request-ID survives the way to StackStorm and back");
    }
    Finding::wrong(
        AREA,
        "request id",
        "X-Request-ID does not come back: nobody can tell StackStorm's own answers from a proxy's, so every answer but a 2xx is uncertain",
    )
    .advice(
        "let what is before StackStorm pass the header X-Request-ID both ways (nginx: proxy_set_header X-Request-ID $http_x_request_id; \
         and no proxy_hide_header X-Request-ID)",
    )
}

fn refusal(error: &LookupError) -> Finding {
    match error {
        LookupError::Unauthorized(_) => Finding::wrong(AREA, "key", error.to_string())
            .advice("make a key (st2 apikey create -k) and set ST2_API_KEY, or correct ST2_USERNAME and ST2_PASSWORD"),
        LookupError::Unavailable(_) => Finding::wrong(AREA, "reachable", error.to_string())
            .advice("st2ctl status on its host; alerts are stored and wait meanwhile"),
        _ => Finding::wrong(AREA, "reachable", error.to_string())
            .advice("is ST2_API_URL StackStorm's API, such as http://host:9101/v1 or https://host/api/v1?"),
    }
}

async fn of_target(client: &Client, name: &str, target: &Target, routes: &str) -> Finding {
    match target {
        Target::Action(action) => of_action(client, name, action, routes).await,
        Target::Webhook(webhook) => of_webhook(client, name, webhook, routes).await,
    }
}

async fn of_action(client: &Client, name: &str, action: &ActionRef, routes: &str) -> Finding {
    match ActionCache::new(Duration::ZERO).get(client, action).await {
        Ok(found) if found.enabled => Finding::ok(AREA, name, "enabled"),
        Ok(_) => Finding::wrong(AREA, name, format!("disabled; used by {routes}")).advice(format!("st2 action enable {action}")),
        Err(ActionError::NotFound(_)) => Finding::wrong(AREA, name, format!("StackStorm has no such action; used by {routes}"))
            .advice("install or register its pack (st2 pack install, st2ctl reload --register-actions), or correct POUNDCAKE_ROUTES"),
        Err(ActionError::Lookup(error)) => Finding::unknown(AREA, name, error.to_string()),
    }
}

async fn of_webhook(client: &Client, name: &str, webhook: &WebhookName, routes: &str) -> Finding {
    match client.has_webhook(webhook).await {
        Ok(true) => Finding::ok(AREA, name, "registered"),
        Ok(false) => Finding::wrong(AREA, name, format!("no rule listens on it; used by {routes}")).advice(format!(
            "st2 webhook list; add a rule with the trigger core.st2.webhook and url {webhook}, or correct POUNDCAKE_ROUTES"
        )),
        Err(error) => Finding::unknown(AREA, name, error.to_string()),
    }
}
