//! Polls StackStorm for executions by id: one request at a time, so never faster than StackStorm answers.

use super::{Polled, Signal, followed::Question};
use crate::{
    metrics::TrackerMetrics,
    retry::Reconnect,
    stackstorm::{Client, Execution, ExecutionId, LookupError},
};
use std::{collections::HashSet, sync::Arc, time::Instant};
use tokio::sync::mpsc::{Receiver, Sender};

/// The asker.
pub(super) struct Poller {
    pub(super) client: Arc<Client>,
    pub(super) metrics: Arc<TrackerMetrics>,
}

impl Poller {
    /// Answers questions until there are none any more. A question that StackStorm does not answer is asked again, after a
    /// growing wait.
    pub(super) async fn run(self, mut questions: Receiver<Question>, signals: Sender<Signal>) {
        let mut pace = Reconnect::new();
        while let Some(question) = questions.recv().await {
            loop {
                match self.ask(&question).await {
                    Ok(polled) => {
                        self.metrics.polls.with_label_values(&["answered"]).inc();
                        pace.succeeded();
                        if signals.send(Signal::Polled(polled)).await.is_err() {
                            return;
                        }
                        break;
                    }
                    Err(error) => {
                        self.metrics.polls.with_label_values(&["failed"]).inc();
                        let wait = pace.failed("no answer");
                        log::warn!(
                            event = "st2_waiting", wait_ms = wait.as_millis();
                            "waiting for StackStorm: {error}"
                        );
                        tokio::time::sleep(wait).await;
                    }
                }
            }
        }
    }

    async fn ask(&self, question: &Question) -> Result<Polled, LookupError> {
        let asked_at = Instant::now();
        let mut polled = Polled { asked_at, found: Vec::new(), glanced: Vec::new(), gone: Vec::new() };
        let (ids, listed) = match question {
            Question::Whole(ids) => (ids, &mut polled.found),
            Question::Glance(ids) => (ids, &mut polled.glanced),
        };
        *listed = match self.list(question).await {
            Ok(listed) => listed,
            // One that cannot be read must not hide the others; and who may not list may still be shown each one.
            Err(LookupError::Unreadable(_) | LookupError::Refused { status: 403, .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let listed: HashSet<ExecutionId> = listed.iter().map(|execution| execution.id.clone()).collect();
        for id in ids.iter().filter(|id| !listed.contains(*id)) {
            match self.one(id).await? {
                Alone::Here(execution) => polled.found.push(*execution),
                Alone::Gone => polled.gone.push(id.clone()),
                Alone::Unknown => {}
            }
        }
        Ok(polled)
    }

    async fn list(&self, question: &Question) -> Result<Vec<Execution>, LookupError> {
        match question {
            Question::Whole(ids) => {
                self.metrics.requests.with_label_values(&["whole"]).inc();
                self.client.executions_by_ids(ids).await
            }
            Question::Glance(ids) => {
                self.metrics.requests.with_label_values(&["status"]).inc();
                self.client.glance(ids).await
            }
        }
    }

    /// Absence from a list says nothing: with permission isolation StackStorm lists only the executions of the user who asks.
    /// Only its 404 to the question for this one says that it is gone.
    async fn one(&self, id: &ExecutionId) -> Result<Alone, LookupError> {
        self.metrics.requests.with_label_values(&["one"]).inc();
        match self.client.execution(id).await {
            Ok(Some(execution)) => Ok(Alone::Here(Box::new(execution))),
            Ok(None) => Ok(Alone::Gone),
            // It concerns this one alone, and must not hold up the others.
            Err(
                why @ (LookupError::Unreadable(_)
                | LookupError::Refused { status: 403, .. }
                | LookupError::TooLarge { .. }),
            ) => {
                log::warn!(
                    event = "execution_not_shown", st2_execution_id:% = id;
                    "StackStorm does not show this execution; polling it again later: {why}"
                );
                Ok(Alone::Unknown)
            }
            Err(error) => Err(error),
        }
    }
}

/// What StackStorm says of one execution.
enum Alone {
    Here(Box<Execution>),
    Gone,
    /// It may be there: this user may not see it, or it cannot be read.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::Metrics,
        stackstorm::test_server::{Do, TestServer},
    };

    fn id(text: &str) -> ExecutionId {
        ExecutionId::parse(text).unwrap()
    }

    fn poller(server: &TestServer) -> Poller {
        Poller { client: Arc::new(server.client()), metrics: Metrics::new().unwrap().tracker }
    }

    fn reply(status: u16, body: &str) -> Do {
        Do::Reply(status, "", body.to_owned())
    }

    #[tokio::test]
    async fn an_execution_missing_from_a_list_is_gone_only_when_a_read_by_id_says_so() {
        let script = vec![
            reply(200, r#"[{"id":"a1","status":"running"}]"#),
            reply(403, r#"{"faultstring":"User \"poundcake\" doesn't have required permission"}"#),
            reply(404, r#"{"faultstring":"Unable to identify resource with id \"a3\"."}"#),
            reply(200, r#"{"id":"a4","status":"succeeded"}"#),
        ];
        let server = TestServer::start(script).await;
        let question = Question::Glance(["a1", "a2", "a3", "a4"].map(id).to_vec());
        let polled = poller(&server).ask(&question).await.unwrap();
        let ids = |found: &[Execution]| found.iter().map(|found| found.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&polled.glanced), ids(&polled.found)), (vec![id("a1")], vec![id("a4")]));
        assert_eq!(polled.gone, [id("a3")], "and not what it does not show to us");
        assert!(server.seen()[0].contains("include_attributes=status%2Clog%2Cchildren"));
    }

    #[tokio::test]
    async fn who_may_not_list_executions_may_still_be_shown_each_one() {
        let script = vec![
            reply(403, r#"{"faultstring":"no"}"#),
            reply(200, r#"{"id":"a1","status":"running"}"#),
            reply(502, "<html>"),
        ];
        let server = TestServer::start(script).await;
        let polled = poller(&server).ask(&Question::Whole(vec![id("a1"), id("a2")])).await;
        assert!(matches!(polled, Err(LookupError::Unavailable(_))), "nothing is concluded from a proxy's page");
        let server = TestServer::start(vec![reply(403, "{}"), reply(200, r#"{"id":"a1","status":"running"}"#)]).await;
        let polled = poller(&server).ask(&Question::Glance(vec![id("a1")])).await.unwrap();
        assert_eq!((polled.found.len(), polled.gone.len()), (1, 0));
    }
}
