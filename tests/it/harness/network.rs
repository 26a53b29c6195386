//! A proxy before each neighbour of a pipeline, so that a test can break one connection and leave the others.

use super::{ChaosProxy, TestDatabase, Vhost};

/// The proxies. `standalone` has StackStorm's alone.
#[derive(Debug)]
pub struct Network {
    /// Before StackStorm.
    pub stackstorm: ChaosProxy,
    stackstorm_url: String,
    servers: Option<Servers>,
}

#[derive(Debug)]
struct Servers {
    database: ChaosProxy,
    database_url: String,
    dispatcher_database: ChaosProxy,
    dispatcher_database_url: String,
    publisher: ChaosProxy,
    publisher_url: String,
    consumer: ChaosProxy,
    consumer_url: String,
}

impl Network {
    /// Proxies that forward.
    pub fn before(database: &TestDatabase, vhost: Option<&Vhost>, stackstorm_url: &str) -> Self {
        let mut url = url::Url::parse(stackstorm_url).expect("the stand-in's URL");
        let stackstorm = ChaosProxy::before(super::services::address(&url));
        url.set_port(Some(stackstorm.address().port())).expect("a URL with a port");
        let servers = vhost.map(|vhost| {
            let through = |proxy: &ChaosProxy| vhost.url_through(proxy.address());
            let (publisher, consumer) = (ChaosProxy::before(vhost.address()), ChaosProxy::before(vhost.address()));
            let (own, other) = (ChaosProxy::before(database.address()), ChaosProxy::before(database.address()));
            Servers {
                database_url: database.url_through(own.address()),
                database: own,
                dispatcher_database_url: database.url_through(other.address()),
                dispatcher_database: other,
                publisher_url: through(&publisher),
                publisher,
                consumer_url: through(&consumer),
                consumer,
            }
        });
        Self { stackstorm, stackstorm_url: url.to_string(), servers }
    }

    /// Before MariaDB, for `ingest` only.
    pub fn database(&self) -> &ChaosProxy {
        &self.servers().database
    }

    /// Before MariaDB, for `dispatcher`.
    pub fn dispatcher_database(&self) -> &ChaosProxy {
        &self.servers().dispatcher_database
    }

    /// Before RabbitMQ, for `ingest`.
    pub fn publisher(&self) -> &ChaosProxy {
        &self.servers().publisher
    }

    /// Before RabbitMQ, for `dispatcher`.
    pub fn consumer(&self) -> &ChaosProxy {
        &self.servers().consumer
    }

    /// The settings with which a process goes through them.
    pub(super) fn variables(&self, command: &str) -> Vec<(&'static str, &str)> {
        let stackstorm = ("ST2_API_URL", self.stackstorm_url.as_str());
        match (command, &self.servers) {
            ("ingest", Some(own)) => vec![("DATABASE_URL", &own.database_url), ("AMQP_URL", &own.publisher_url)],
            ("dispatcher", Some(own)) => {
                let database = ("DATABASE_URL", own.dispatcher_database_url.as_str());
                vec![stackstorm, database, ("AMQP_URL", &own.consumer_url)]
            }
            ("standalone", _) => vec![stackstorm],
            _ => Vec::new(),
        }
    }

    fn servers(&self) -> &Servers {
        self.servers.as_ref().expect("separate processes")
    }
}
