//! All settings in one place: environment, `.env` or flag, with the default and the meaning of each.
//!
//! One struct per concern; `poundcake config` prints them and `.env.example` lists them, both from these definitions.

mod dotenv;
mod listen;
mod names;
mod parse;

pub use dotenv::{DotenvError, load as load_dotenv};
pub use listen::{ListenAddress, NotAnAddress};
pub use names::{EffectiveSetting, effective, unknown_variables, variable_names, without_credentials};

use crate::{
    broker::amqp::BrokerUrl,
    database::connect::DatabaseUrl,
    model::{
        identity::{Additions, Identity, IgnoredLabels},
        matcher::Matchers,
    },
    secret::Secret,
    st2_tables::TablePrefix,
    stackstorm::{self, Credentials},
    trust::TlsFiles,
};
use anyhow::Context;
use std::{path::PathBuf, time::Duration};

/// All settings; every command takes all of them and uses what it needs.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Database connection.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// RabbitMQ connection and queue.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// StackStorm API and login.
    #[command(flatten)]
    pub stackstorm: StackStormSettings,
    /// Listen addresses, tokens and TLS.
    #[command(flatten)]
    pub http: HttpSettings,
    /// Ingest of webhooks.
    #[command(flatten)]
    pub ingest: IngestSettings,
    /// Dispatch of alerts to StackStorm.
    #[command(flatten)]
    pub dispatch: DispatchSettings,
    /// Tracking of executions.
    #[command(flatten)]
    pub tracker: TrackerSettings,
    /// Logging.
    #[command(flatten)]
    pub log: LogSettings,
}

/// Settings of the database connection.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// `mysql://user:password@host:3306/database` (also `mysql+pymysql://`) or `sqlite://path`; percent-encode special
    /// characters in the password
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// File that contains `DATABASE_URL`; read again for every new connection
    #[arg(long, env = "DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
    /// PEM file of a private CA for MariaDB; without `ssl_mode` in the URL this sets `verify_identity`
    #[arg(long, env = "POUNDCAKE_DB_CA_FILE")]
    pub db_ca_file: Option<PathBuf>,
    /// PEM file of the client certificate, if MariaDB requests one
    #[arg(long, env = "POUNDCAKE_DB_CERT_FILE")]
    pub db_cert_file: Option<PathBuf>,
    /// PEM file of the private key for `POUNDCAKE_DB_CERT_FILE`
    #[arg(long, env = "POUNDCAKE_DB_KEY_FILE")]
    pub db_key_file: Option<PathBuf>,
    /// Maximum number of database connections
    #[arg(long, env = "POUNDCAKE_DB_POOL", default_value_t = 16)]
    pub db_pool: u32,
    /// Maximum time to wait for an answer from MariaDB before the connection counts as lost and a new one is opened;
    /// at least 5s
    #[arg(long, env = "POUNDCAKE_DB_TIMEOUT", default_value = "10s", value_parser = parse::database_timeout)]
    pub db_timeout: Duration,
}

impl DatabaseSettings {
    /// The parsed URL, or an error that names the variable.
    pub fn url(&self) -> anyhow::Result<DatabaseUrl> {
        let secret = Secret::parse("DATABASE_URL", self.database_url.clone(), self.database_url_file.clone())?
            .context("DATABASE_URL is not set; write mysql://user:password@host:3306/database or sqlite://path")?;
        Ok(DatabaseUrl::read(secret, self.tls_files())?)
    }

    /// CA and client certificate for all database connections over the network.
    pub fn tls_files(&self) -> TlsFiles {
        TlsFiles { ca: self.db_ca_file.clone(), cert: self.db_cert_file.clone(), key: self.db_key_file.clone() }
    }
}

/// Settings of the RabbitMQ connection and the queue.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "RabbitMQ")]
pub struct BrokerSettings {
    /// `amqp://user:password@host:5672/vhost` or `amqps://…`
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// File that contains `AMQP_URL`; read again for every new connection
    #[arg(long, env = "AMQP_URL_FILE")]
    pub amqp_url_file: Option<PathBuf>,
    /// PEM file of a private CA for RabbitMQ, with `amqps://`
    #[arg(long, env = "POUNDCAKE_AMQP_CA_FILE")]
    pub amqp_ca_file: Option<PathBuf>,
    /// PEM file of the client certificate, if RabbitMQ requests one
    #[arg(long, env = "POUNDCAKE_AMQP_CERT_FILE")]
    pub amqp_cert_file: Option<PathBuf>,
    /// PEM file of the private key for `POUNDCAKE_AMQP_CERT_FILE`
    #[arg(long, env = "POUNDCAKE_AMQP_KEY_FILE")]
    pub amqp_key_file: Option<PathBuf>,
    /// Maximum time to wait for a publisher confirm; during a memory alarm RabbitMQ sends no confirms and no error
    #[arg(long, env = "POUNDCAKE_CONFIRM_TIMEOUT", default_value = "3s", value_parser = parse::duration)]
    pub confirm_timeout: Duration,
    /// How often the relay checks for rows that are due
    #[arg(long, env = "POUNDCAKE_SWEEP_INTERVAL", default_value = "1s", value_parser = parse::duration)]
    pub sweep_interval: Duration,
    /// How long RabbitMQ must refuse the queue with `INTERNAL_ERROR` before a dispatcher deletes it and declares it
    /// again; 0s: never
    #[arg(long, env = "POUNDCAKE_QUEUE_REPAIR", default_value = "60s", value_parser = parse::duration)]
    pub queue_repair: Duration,
}

impl BrokerSettings {
    /// The parsed URL, or an error that names the variable.
    pub fn url(&self) -> anyhow::Result<BrokerUrl> {
        let secret = Secret::parse("AMQP_URL", self.amqp_url.clone(), self.amqp_url_file.clone())?
            .context("AMQP_URL is not set; write amqp://user:password@host:5672/vhost")?;
        let tls = TlsFiles {
            ca: self.amqp_ca_file.clone(),
            cert: self.amqp_cert_file.clone(),
            key: self.amqp_key_file.clone(),
        };
        Ok(BrokerUrl::read(secret, tls)?)
    }
}

/// Settings of the StackStorm API and the login.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "StackStorm")]
pub struct StackStormSettings {
    /// `http://host:9101/v1`, or `https://host/api/v1` behind nginx
    #[arg(long, env = "ST2_API_URL", hide_env_values = true)]
    pub st2_api_url: Option<url::Url>,
    /// API key for StackStorm
    #[arg(long, env = "ST2_API_KEY", hide_env_values = true)]
    pub st2_api_key: Option<String>,
    /// File that contains the API key; read again when it changes
    #[arg(long, env = "ST2_API_KEY_FILE")]
    pub st2_api_key_file: Option<PathBuf>,
    /// Login URL, if there is no API key: the full …/tokens URL
    #[arg(long, env = "ST2_AUTH_URL", hide_env_values = true)]
    pub st2_auth_url: Option<url::Url>,
    /// User for the login
    #[arg(long, env = "ST2_USERNAME")]
    pub st2_username: Option<String>,
    /// Password for the login
    #[arg(long, env = "ST2_PASSWORD", hide_env_values = true)]
    pub st2_password: Option<String>,
    /// File that contains the password; read again when it changes
    #[arg(long, env = "ST2_PASSWORD_FILE")]
    pub st2_password_file: Option<PathBuf>,
    /// PEM file of a private CA for StackStorm
    #[arg(long, env = "ST2_CA_FILE")]
    pub st2_ca_file: Option<PathBuf>,
    /// Maximum time for one call to StackStorm; StackStorm itself waits 22 s for a lost broker
    #[arg(long, env = "POUNDCAKE_ST2_TIMEOUT", default_value = "35s", value_parser = parse::duration)]
    pub st2_timeout: Duration,
}

impl StackStormSettings {
    /// The configuration of the StackStorm client, or an error that names the variable.
    pub fn client_config(&self) -> anyhow::Result<stackstorm::Config> {
        let api_url = self.st2_api_url.clone().context("ST2_API_URL is not set; write http://host:9101/v1")?;
        let key = Secret::parse("ST2_API_KEY", self.st2_api_key.clone(), self.st2_api_key_file.clone())?;
        let credentials = match key {
            Some(key) => Credentials::ApiKey(key),
            None => self.login()?,
        };
        Ok(stackstorm::Config { api_url, credentials, ca_file: self.st2_ca_file.clone(), timeout: self.st2_timeout })
    }

    fn login(&self) -> anyhow::Result<Credentials> {
        let password = Secret::parse("ST2_PASSWORD", self.st2_password.clone(), self.st2_password_file.clone())?;
        match (&self.st2_auth_url, &self.st2_username, password) {
            (Some(auth_url), Some(username), Some(password)) => {
                Ok(Credentials::Login { auth_url: auth_url.clone(), username: username.clone(), password })
            }
            _ => anyhow::bail!("set ST2_API_KEY (or ST2_API_KEY_FILE), or ST2_AUTH_URL, ST2_USERNAME and ST2_PASSWORD"),
        }
    }
}

/// Settings of the HTTP servers: listen addresses, tokens and TLS.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub struct HttpSettings {
    /// Listen address of ingest: an address or a name, and a port (0: any free port); addresses other than loopback
    /// need tokens
    #[arg(long, env = "POUNDCAKE_LISTEN", default_value = "127.0.0.1:8000")]
    pub listen: ListenAddress,
    /// Listen address for the dispatcher's probes and metrics
    #[arg(long, env = "POUNDCAKE_DISPATCHER_LISTEN", default_value = "127.0.0.1:8001")]
    pub dispatcher_listen: ListenAddress,
    /// Listen address for the tracker's probes and metrics
    #[arg(long, env = "POUNDCAKE_TRACKER_LISTEN", default_value = "127.0.0.1:8002")]
    pub tracker_listen: ListenAddress,
    /// File with one name:token per line: clients that may post webhooks; read again when it changes
    #[arg(long, env = "POUNDCAKE_WEBHOOK_TOKENS_FILE")]
    pub webhook_tokens_file: Option<PathBuf>,
    /// File with one name:token or name:token:viewer per line: clients that may read, and without :viewer also give orders; read again when it changes
    #[arg(long, env = "POUNDCAKE_OPERATOR_TOKENS_FILE")]
    pub operator_tokens_file: Option<PathBuf>,
    /// PEM file of the certificate chain; turns on HTTPS; read again when it changes
    #[arg(long, env = "POUNDCAKE_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the private key for the certificate; read again when it changes
    #[arg(long, env = "POUNDCAKE_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The operator page at `/` of ingest and standalone: on or off
    #[arg(long, env = "POUNDCAKE_PAGE", default_value = "on", value_parser = parse::on_or_off, action = clap::ArgAction::Set)]
    pub page: bool,
    /// Maximum size of a webhook; at most half of MariaDB's `max_allowed_packet`
    #[arg(long, env = "POUNDCAKE_MAX_BODY_BYTES", default_value = "32MiB", value_parser = parse::bytes)]
    pub max_body_bytes: usize,
}

/// Settings of ingest: identity of alerts, cooldown and batches.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Ingest")]
pub struct IngestSettings {
    /// Matchers for alerts that are stored but never dispatched
    #[arg(long, env = "POUNDCAKE_MUTE", default_value = r#"alertname=~"Watchdog|InfoInhibitor""#)]
    pub mute: Matchers,
    /// Labels that are not part of an alert's identity, such as `prometheus_replica`: a comma-separated list, or `*`
    /// for all except those in `POUNDCAKE_IDENTITY_ADD`. Use the same value on every ingest; see docs/alerts.md before
    /// you change it
    #[arg(long, env = "POUNDCAKE_IDENTITY_IGNORE_LABELS")]
    pub identity_ignore_labels: Option<IgnoredLabels>,
    /// What else is part of an alert's identity: a comma-separated list of `receiver`, `externalURL`,
    /// `routeLabels.NAME`, `labels.NAME`
    #[arg(long, env = "POUNDCAKE_IDENTITY_ADD")]
    pub identity_add: Option<Additions>,
    /// How long after its last start the same alert is not started again; a new firing is held until then. For routes without
    /// a `cooldown`. Ingest and dispatchers
    #[arg(long, env = "POUNDCAKE_REFIRE_COOLDOWN", default_value = "10m", value_parser = parse::duration)]
    pub refire_cooldown: Duration,
    /// Maximum number of alert rows per transaction
    #[arg(long, env = "POUNDCAKE_BATCH_ROWS", default_value_t = 500)]
    pub batch_rows: usize,
    /// Maximum number of bytes of webhook bodies per transaction
    #[arg(long, env = "POUNDCAKE_BATCH_BYTES", default_value = "4MiB", value_parser = parse::bytes)]
    pub batch_bytes: usize,
    /// Maximum number of webhooks that wait for the writer; ingest answers further ones with 503
    #[arg(long, env = "POUNDCAKE_WRITE_QUEUE", default_value_t = 1024)]
    pub write_queue: usize,
}

impl IngestSettings {
    /// The rules of alert identity, or an error that names the variables.
    pub fn identity(&self) -> anyhow::Result<Identity> {
        let ignored = self.identity_ignore_labels.clone().unwrap_or_default();
        Ok(Identity::new(ignored, self.identity_add.clone().unwrap_or_default())?)
    }
}

/// Settings of the dispatcher: routes, retries and deadlines.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Dispatch")]
pub struct DispatchSettings {
    /// YAML file of routes; without it every firing alert goes to the StackStorm webhook `poundcake_alert`
    #[arg(long, env = "POUNDCAKE_ROUTES")]
    pub routes: Option<PathBuf>,
    /// How to handle template markers in alert text: break or reject
    #[arg(long, env = "POUNDCAKE_TEMPLATE_TEXT", default_value = "break")]
    pub template_text: crate::stackstorm::text::TemplateText,
    /// Maximum number of concurrent calls to StackStorm
    #[arg(long, env = "POUNDCAKE_DISPATCH_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=32_767))]
    pub dispatch_concurrency: u16,
    /// Maximum number of calls for one alert
    #[arg(long, env = "POUNDCAKE_DISPATCH_MAX_ATTEMPTS", default_value_t = 8)]
    pub dispatch_max_attempts: i32,
    /// Maximum age of an alert; older alerts are not dispatched
    #[arg(long, env = "POUNDCAKE_DISPATCH_MAX_AGE", default_value = "6h", value_parser = parse::duration)]
    pub dispatch_max_age: Duration,
    /// Delays between attempts; the last one repeats
    #[arg(long, env = "POUNDCAKE_RETRY_SCHEDULE", default_value = "5s,30s,2m,10m,30m,1h", value_delimiter = ',', value_parser = parse::duration)]
    pub retry_schedule: Vec<Duration>,
    /// How long lookups must stay healthy and empty before PoundCake repeats a call that is over but uncertain
    #[arg(long, env = "POUNDCAKE_SETTLE_TIME", default_value = "60s", value_parser = parse::duration)]
    pub settle_time: Duration,
    /// The same after a call that got no answer: the call may hang inside StackStorm and act when `MongoDB` is back
    #[arg(long, env = "POUNDCAKE_SILENT_SETTLE_TIME", default_value = "20m", value_parser = parse::duration)]
    pub silent_settle_time: Duration,
    /// How long a claim belongs to one dispatcher
    #[arg(long, env = "POUNDCAKE_LEASE", default_value = "120s", value_parser = parse::duration)]
    pub lease: Duration,
    /// Rule mode: how long StackStorm's rules may take before the alert counts as failed
    #[arg(long, env = "POUNDCAKE_RULE_DEADLINE", default_value = "30m", value_parser = parse::duration)]
    pub rule_deadline: Duration,
}

/// Settings of the tracker: event stream, and the database of StackStorm's tables.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Tracker")]
pub struct TrackerSettings {
    /// StackStorm's event stream: `http://host:9102/v1/stream`, or `https://host/stream/v1/stream` behind nginx
    /// (`ws://` and `wss://` are read as these); without it the tracker only polls StackStorm
    #[arg(long, env = "ST2_STREAM_URL", hide_env_values = true, value_parser = parse::stream_url)]
    pub st2_stream_url: Option<url::Url>,
    /// URL of StackStorm's web UI, for links to executions
    #[arg(long, env = "ST2_WEB_URL", hide_env_values = true, value_parser = parse::web_url)]
    pub st2_web_url: Option<url::Url>,
    /// Database for StackStorm's tables, written like `DATABASE_URL`; if not set, the same database
    #[arg(long, env = "ST2_DATABASE_URL", hide_env_values = true)]
    pub st2_database_url: Option<String>,
    /// File that contains `ST2_DATABASE_URL`
    #[arg(long, env = "ST2_DATABASE_URL_FILE")]
    pub st2_database_url_file: Option<PathBuf>,
    /// Prefix of the names of StackStorm's tables: letters, digits and _
    #[arg(long, env = "ST2_TABLE_PREFIX")]
    pub st2_table_prefix: Option<TablePrefix>,
    /// How long an execution may be unfinished before it is marked as overdue
    #[arg(long, env = "POUNDCAKE_EXECUTION_DEADLINE", default_value = "1h", value_parser = parse::duration)]
    pub execution_deadline: Duration,
}

impl TrackerSettings {
    /// The database of StackStorm's tables, or `None` if it is the same as PoundCake's; an error names the variable.
    pub fn database(&self, tls: TlsFiles) -> anyhow::Result<Option<DatabaseUrl>> {
        let secret =
            Secret::parse("ST2_DATABASE_URL", self.st2_database_url.clone(), self.st2_database_url_file.clone())?;
        let Some(secret) = secret else { return Ok(None) };
        let url = DatabaseUrl::read(secret, tls);
        Ok(Some(url.context("ST2_DATABASE_URL, which is written like DATABASE_URL, cannot be used")?))
    }
}

/// Settings of logging.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logging")]
pub struct LogSettings {
    /// Log format: text or json
    #[arg(long, env = "POUNDCAKE_LOG_FORMAT", default_value = "text")]
    pub log_format: crate::logging::LogFormat,
    /// `env_logger` filter
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub rust_log: String,
}
