//! RabbitMQ's errors that a retry cannot fix, and what a person has to do.

use super::topology::replied;
use lapin::{
    Error, ErrorKind,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
};

const LOGIN: &str = "correct user and password in AMQP_URL (rabbitmqctl authenticate_user)";
const VHOST: &str = "create the vhost that AMQP_URL names (rabbitmqctl add_vhost), and give the user its rights \
     (rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'); a vhost / is written %2f";
const RIGHTS: &str = "give the user its rights: rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'";
const DIFFERS: &str =
    "another program declared it, or a policy changed: run rabbitmqctl delete_queue; PoundCake declares it again";
const TLS: &str =
    "let RabbitMQ offer TLS with a certificate for the host in AMQP_URL, and name its CA with POUNDCAKE_AMQP_CA_FILE";

/// What to do, where trying again does not help.
pub(super) fn advice(error: &Error) -> Option<&'static str> {
    if replied(error, &AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)) {
        return Some(VHOST);
    }
    if replied(error, &AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)) {
        // The login is refused with the same code as a right, and with other words.
        return Some(if error.to_string().contains("Login was refused") { LOGIN } else { RIGHTS });
    }
    if replied(error, &AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) {
        return Some(DIFFERS);
    }
    match error.kind() {
        // rustls' errors: an unknown CA, another name, no TLS at the other end.
        ErrorKind::IOError(io) if io.kind() == std::io::ErrorKind::InvalidData => Some(TLS),
        _ => None,
    }
}

/// The broker's words, and what to do where that is known.
pub(super) fn described(error: &Error) -> String {
    match advice(error) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}
