//! Checks RabbitMQ: reachable, our queues as we declare them, consumers, no dead letters.

use super::finding::Finding;
use crate::{
    broker::amqp::{Inspected, QueueState, inspect},
    config::Settings,
};

const AREA: &str = "rabbitmq";

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let broker = &settings.broker;
    if broker.amqp_url.is_none() && broker.amqp_url_file.is_none() && is_sqlite(settings) {
        return vec![Finding::ok(AREA, "queue", "none: standalone has an in-process queue")];
    }
    let url = match broker.url() {
        Ok(url) => url,
        Err(error) => return vec![Finding::unknown(AREA, "settings", format!("{error:#}"))],
    };
    let label = url.label();
    match inspect(&url).await {
        Ok(Inspected { version, dispatch, dead }) => {
            let mut findings = vec![Finding::ok(AREA, "reachable", &label)];
            let version = version.map_or_else(|| "unknown".to_owned(), |version| format!("RabbitMQ {version}"));
            findings.push(Finding::ok(AREA, "version", version));
            findings.extend(of_dispatch(&dispatch, url.vhost()));
            findings.push(of_dead(&dead, url.vhost()));
            findings
        }
        Err(error) => vec![Finding::wrong(AREA, "reachable", format!("{label}: {error}")).advice(
            "start RabbitMQ (check with rabbitmqctl status), or correct AMQP_URL; until then alerts are stored and wait in the database",
        )],
    }
}

fn is_sqlite(settings: &Settings) -> bool {
    settings.database.url().is_ok_and(|url| url.is_sqlite())
}

const DISPATCH: &str = "poundcake.dispatch";
const DEAD: &str = "poundcake.dead";

fn of_dispatch(state: &QueueState, vhost: &str) -> Vec<Finding> {
    let QueueState::There { messages, consumers, difference } = state else {
        return vec![trouble(DISPATCH, state, vhost)];
    };
    let mut findings = Vec::new();
    findings.extend(difference.as_ref().map(|difference| of_difference(DISPATCH, difference, vhost)));
    let found = format!("{messages} messages wait, {consumers} consumers");
    findings.push(if *consumers == 0 {
        Finding::wrong(AREA, DISPATCH, found).advice(
            "no dispatcher consumes: start one, unless you stopped it on purpose; if one runs, check its log and the metric \
             poundcake_circuit_state: they say whether it waits for StackStorm",
        )
    } else {
        Finding::ok(AREA, DISPATCH, found)
    });
    findings
}

fn of_dead(state: &QueueState, vhost: &str) -> Finding {
    match state {
        QueueState::There { difference: Some(difference), .. } => of_difference(DEAD, difference, vhost),
        QueueState::There { messages: 0, .. } => Finding::ok(AREA, DEAD, "0 messages"),
        QueueState::There { messages, .. } => Finding::wrong(AREA, DEAD, format!("{messages} messages")).advice(format!(
            "another program publishes to PoundCake's exchange, or a dispatcher could not finish 1,000 deliveries; messages contain only ids, and \
             ingest publishes the rows again by itself: after a look at them, run rabbitmqctl purge_queue -p {vhost} {DEAD}"
        )),
        other => trouble(DEAD, other, vhost),
    }
}

fn of_difference(queue: &'static str, difference: &str, vhost: &str) -> Finding {
    let finding = Finding::wrong(AREA, queue, difference);
    if difference.contains("ACCESS_REFUSED") {
        return finding.advice(rights(vhost));
    }
    finding.advice(format!(
        "another program declared this queue, or a policy changed: rabbitmqctl delete_queue -p {vhost} {queue}; PoundCake then declares the \
         queue again and republishes every row that was in it"
    ))
}

fn rights(vhost: &str) -> String {
    format!(
        "grant the user of AMQP_URL its permissions: rabbitmqctl set_permissions -p {vhost} USER '^poundcake' '^poundcake' '^poundcake'; \
         until then alerts are stored and wait in the database"
    )
}

fn trouble(queue: &'static str, state: &QueueState, vhost: &str) -> Finding {
    match state {
        QueueState::Missing => {
            Finding::wrong(AREA, queue, "does not exist").advice("start ingest or a dispatcher: it declares the queue at its start, and this user has the right to")
        }
        QueueState::Forbidden(why) if why.contains("ACCESS_REFUSED") => {
            Finding::wrong(AREA, queue, format!("does not exist, and this user may not declare it: {why}")).advice(rights(vhost))
        }
        QueueState::Forbidden(why) => Finding::wrong(AREA, queue, format!("does not exist and cannot be declared: {why}"))
            .advice(format!("raise the limits of the vhost: rabbitmqctl list_vhost_limits -p {vhost}; until then alerts wait in the database")),
        QueueState::Unknown(error) => Finding::unknown(AREA, queue, error),
        QueueState::There { .. } => Finding::ok(AREA, queue, "exists"),
    }
}
