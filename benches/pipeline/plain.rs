//! The plain way, as a baseline: one transaction per request on a pool of 16, the same episode decision, then the publish,
//! and 202 after the confirm. It marks nothing as `queued`.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use poundcake::{
    alertmanager,
    broker::{
        amqp::{BrokerUrl, Publisher},
        message::Message,
    },
    database::{Database, connect::DatabaseUrl},
    model::{episode::EpisodePolicy, identity::Identity, ids::RequestId, plan::Arrival},
    store::ingest::{
        api_calls::NewApiCall,
        webhooks::{Arrived, Batch, Intake},
    },
};
use std::{sync::Arc, time::Duration};

const POOL: u32 = 16;

#[derive(Clone)]
struct Plain {
    store: Database,
    publisher: Publisher,
    runtime: tokio::runtime::Handle,
}

/// Serves until it is killed. Arguments: address, `DATABASE_URL`, `AMQP_URL`.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [address, database, amqp] = arguments else { anyhow::bail!("plain: address, database and broker") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let publisher = Publisher::new(BrokerUrl::parse(amqp)?, Duration::from_secs(10));
    runtime.block_on(publisher.ready())?;
    let store = Database::new(DatabaseUrl::parse(database)?, POOL);
    let plain = web::Data::new(Plain { store, publisher, runtime: runtime.handle().clone() });
    runtime.block_on(async {
        let app = move || {
            App::new()
                .app_data(plain.clone())
                .route("/readyz", web::get().to(HttpResponse::Ok))
                .route("/api/v1/webhook", web::post().to(take))
        };
        HttpServer::new(app).backlog(4096).workers(2).disable_signals().bind(address)?.run().await
    })?;
    Ok(())
}

async fn take(body: web::Bytes, plain: web::Data<Plain>) -> HttpResponse {
    let (own, runtime) = (Plain::clone(&plain), plain.runtime.clone());
    match runtime.spawn(async move { own.store(&body).await }).await {
        Ok(Ok(request)) => HttpResponse::Accepted().json(serde_json::json!({ "request_id": request })),
        Ok(Err(error)) => HttpResponse::ServiceUnavailable().body(format!("{error:#}")),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

impl Plain {
    async fn store(&self, body: &[u8]) -> anyhow::Result<RequestId> {
        let arrived = |alert| match alert {
            Ok(alert) => Arrived::from(Arrival::Alert(alert)),
            Err(invalid) => Arrived::from(Arrival::Invalid(invalid)),
        };
        let arrivals = alertmanager::parse_with(body, &Identity::default(), arrived)?.alerts;
        let request_id = RequestId::generate();
        let call = NewApiCall {
            request_id: request_id.to_string(),
            method: "POST",
            path: "/api/v1/webhook".to_owned(),
            headers: r#"{"content-type":"application/json","user-agent":"Alertmanager/0.25.0"}"#.to_owned(),
            body: String::from_utf8(body.to_vec())?,
            status_code: 202,
            client_request_id: None,
            client_address: Some("127.0.0.1".to_owned()),
        };
        let batch = Batch::new(vec![Arc::new(Intake { request_id, call, arrivals })]);
        let policy = EpisodePolicy { refire_cooldown: Duration::from_mins(10), several_sources: false };
        let stored = self.store.run(move |conn| batch.store(conn, &policy)).await?;
        let message =
            |due: &poundcake::store::dispatch::due::Due| Message::new(due.alert_id, due.request_id, due.generation);
        let messages: Vec<Message> = stored.due.iter().map(message).collect();
        let confirms = self.publisher.publish(&messages).await;
        confirms.into_iter().collect::<Result<Vec<()>, _>>().context("not published")?;
        Ok(request_id)
    }
}
