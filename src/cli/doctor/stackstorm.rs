//! Checks StackStorm: reachable, credentials accepted, the actions and webhooks of the routes registered.

use super::finding::Finding;
use crate::{
    config::Settings,
    dispatcher::{
        Routes,
        parameters::{Problem, problems},
        routing::route::Route,
    },
    model::target::{ActionRef, Target, WebhookName},
    stackstorm::{Action, ActionCache, ActionError, Client, LookupError},
};
use std::{collections::BTreeMap, time::Duration};

const AREA: &str = "stackstorm";

/// A person waits for the answer; the dispatcher's own limit is longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let client = match client(settings) {
        Ok(client) => client,
        Err(error) => return vec![Finding::unknown(AREA, "settings", format!("{error:#}"))],
    };
    let mut findings = match client.ping().await {
        Ok(version) => vec![
            Finding::ok(AREA, "reachable", format!("version {}, credentials accepted", version.version)),
            request_id(version.echoed),
        ],
        Err(error) => return vec![refusal(&error)],
    };
    match Routes::open(settings.dispatch.routes.as_deref()) {
        Ok(routes) => {
            let table = routes.table();
            let mut targets: BTreeMap<String, (&Target, Vec<&Route>)> = BTreeMap::new();
            for route in table.routes() {
                let known = targets.entry(route.target.to_string());
                known.or_insert_with(|| (&route.target, Vec::new())).1.push(route);
            }
            for (name, (target, routes)) in targets {
                findings.extend(of_target(&client, &name, target, &routes).await);
            }
        }
        Err(error) => findings.push(
            Finding::wrong(AREA, "routes", format!("{error:#}"))
                .advice("correct POUNDCAKE_ROUTES, and check it with poundcake routes test"),
        ),
    }
    findings
}

fn client(settings: &Settings) -> anyhow::Result<Client> {
    let mut config = settings.stackstorm.client_config()?;
    config.timeout = config.timeout.min(CALL_TIMEOUT);
    Ok(Client::new(config)?)
}

/// The header by which st2api's own answers differ from a proxy's (`stackstorm::outcome`).
fn request_id(echoed: bool) -> Finding {
    if echoed {
        return Finding::ok(AREA, "request id", "X-Request-ID survives the way to StackStorm and back");
    }
    Finding::wrong(
        AREA,
        "request id",
        "StackStorm's answer does not repeat X-Request-ID: PoundCake cannot tell StackStorm's own answers from a proxy's, so every answer except a 2xx is uncertain",
    )
    .advice(
        "configure the proxy in front of StackStorm to pass the header X-Request-ID both ways (nginx: proxy_set_header X-Request-ID $http_x_request_id; \
         and no proxy_hide_header X-Request-ID)",
    )
}

fn refusal(error: &LookupError) -> Finding {
    match error {
        LookupError::Unauthorized(_) => Finding::wrong(AREA, "key", error.to_string()).advice(
            "create a key (st2 apikey create -k) and set ST2_API_KEY, or correct ST2_USERNAME and ST2_PASSWORD",
        ),
        LookupError::Unavailable(_) => Finding::wrong(AREA, "reachable", error.to_string())
            .advice("run st2ctl status on its host; until then alerts are stored and wait"),
        _ => Finding::wrong(AREA, "reachable", error.to_string())
            .advice("set ST2_API_URL to StackStorm's API, such as http://host:9101/v1 or https://host/api/v1"),
    }
}

async fn of_target(client: &Client, name: &str, target: &Target, routes: &[&Route]) -> Vec<Finding> {
    let names = routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>().join(", ");
    match target {
        Target::Webhook(webhook) => vec![of_webhook(client, name, webhook, &names).await],
        Target::Action(action) => match ActionCache::new(Duration::ZERO).get(client, action).await {
            Ok(found) => of_action(name, action, &found, routes, &names),
            Err(ActionError::NotFound(_)) => vec![
                Finding::wrong(AREA, name, format!("StackStorm has no such action; used by {names}")).advice(
                    "install or register its pack (st2 pack install, st2ctl reload --register-actions), or correct POUNDCAKE_ROUTES",
                ),
            ],
            Err(ActionError::Lookup(error)) => vec![Finding::unknown(AREA, name, error.to_string())],
        },
    }
}

/// The action itself, and each route whose parameters it would refuse.
fn of_action(name: &str, action: &ActionRef, found: &Action, routes: &[&Route], names: &str) -> Vec<Finding> {
    let itself = if found.enabled {
        Finding::ok(AREA, name, "enabled")
    } else {
        Finding::wrong(AREA, name, format!("disabled; used by {names}"))
            .advice(format!("run st2 action enable {action}"))
    };
    let refused = routes.iter().filter_map(|route| {
        let problems = problems(route, &found.parameters);
        let words = problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ");
        let wrong = || Finding::wrong(AREA, format!("route {}", route.name), format!("{action}: {words}"));
        let advice = format!("correct the route's parameters in POUNDCAKE_ROUTES; st2 action get {action} lists them");
        (!problems.is_empty()).then(|| wrong().advice(advice))
    });
    std::iter::once(itself).chain(refused).collect()
}

async fn of_webhook(client: &Client, name: &str, webhook: &WebhookName, routes: &str) -> Finding {
    match client.has_webhook(webhook).await {
        Ok(true) => Finding::ok(AREA, name, "registered"),
        Ok(false) => Finding::wrong(AREA, name, format!("no rule listens on it; used by {routes}")).advice(format!(
            "check st2 webhook list; add a rule with the trigger core.st2.webhook and url {webhook}, or correct POUNDCAKE_ROUTES"
        )),
        Err(error) => Finding::unknown(AREA, name, error.to_string()),
    }
}
