//! RabbitMQ blocks its publishers: it takes their messages from the socket no more, and withholds confirms without a word.

use super::{ROUTES, alerts};
use crate::harness::{PATIENCE, Services, Setup, Shape, Vhost, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn while_rabbitmq_is_out_of_memory_webhooks_are_taken_and_they_run_once_when_it_is_not() {
    let services = Services::private();
    let mut setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    setup.vhost = Some(Vhost::new_on(services.clone()).await);
    let pipeline = setup.start().await;
    pipeline.send(&alerts(1)).await;
    pipeline.settled().await;
    services.rabbitmqctl(&["set_vm_memory_high_watermark", "0.000001"]);
    for alert in alerts(31).split_off(1) {
        pipeline.send(&[alert]).await;
    }
    let tried = async || match pipeline.database().count("poundcake_alerts WHERE claimed_by = 'relay'") {
        30 => Ok(()),
        others => Err(others),
    };
    eventually("the relay has tried each of them in vain", PATIENCE, tried).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'pending'"), 30);
    services.rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]);
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(31).await;
}
