//! The three tables as diesel sees them, on both databases; a test compares this file with what the migrations make.
#![expect(missing_docs, reason = "diesel's table! makes public items without docs")]

diesel::table! {
    use crate::database::datetime::Datetime;
    use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamp};

    /// One row per webhook and per order of an operator; the guard row has the id -1.
    poundcake_api_calls (id) {
        id -> BigInt,
        request_id -> Text,
        method -> Text,
        path -> Text,
        headers -> Text,
        body -> Text,
        status_code -> Integer,
        created_at -> Timestamp,
        client_request_id -> Nullable<Text>,
        client_address -> Nullable<Text>,
        operator -> Nullable<Text>,
        ordered_at -> Nullable<Timestamp>,
        result -> Nullable<Text>,
        pause_until -> Nullable<Datetime>,
    }
}

diesel::table! {
    use crate::database::datetime::Datetime;
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamp};

    /// One row per alert of a webhook: the truth and the outbox.
    poundcake_alerts (id) {
        id -> BigInt,
        api_call_id -> BigInt,
        fingerprint -> Text,
        alert_name -> Text,
        severity -> Text,
        instance -> Text,
        labels -> Text,
        st2_rule_matched -> Nullable<Text>,
        created_at -> Timestamp,
        status -> Text,
        annotations -> Text,
        starts_at -> Nullable<Datetime>,
        ends_at -> Nullable<Datetime>,
        generator_url -> Nullable<Text>,
        updated_at -> Timestamp,
        open_fingerprint -> Nullable<Text>,
        opened_by -> Nullable<BigInt>,
        last_seen_at -> Nullable<Timestamp>,
        closed_at -> Nullable<Timestamp>,
        dispatch_status -> Text,
        dispatch_reason -> Nullable<Text>,
        dispatch_target -> Nullable<Text>,
        dispatch_generation -> Integer,
        dispatch_attempts -> Integer,
        dispatch_error -> Nullable<Text>,
        dispatch_log -> Nullable<Text>,
        dispatch_uncertain -> Bool,
        settling_since -> Nullable<Timestamp>,
        pending_at -> Nullable<Timestamp>,
        attempted_at -> Nullable<Timestamp>,
        next_attempt_at -> Nullable<Timestamp>,
        claimed_by -> Nullable<Text>,
        dispatched_at -> Nullable<Timestamp>,
        dispatch_silent -> Bool,
        dispatch_route -> Nullable<Text>,
        guard_target -> Nullable<Text>,
        started_at -> Nullable<Timestamp>,
        first_started_at -> Nullable<Timestamp>,
        dispatch_waived -> Nullable<Text>,
        started_fingerprint -> Nullable<Text>,
        guard_key -> Nullable<Text>,
        guard_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Which StackStorm executions an alert led to.
    poundcake_st2_execution_link (id) {
        id -> BigInt,
        request_id -> Text,
        alert_id -> BigInt,
        st2_execution_id -> Text,
        st2_rule_ref -> Nullable<Text>,
        st2_action_ref -> Nullable<Text>,
        created_at -> Timestamp,
        fingerprint -> Nullable<Text>,
        route -> Nullable<Text>,
        guard_target -> Nullable<Text>,
        started_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        end_status -> Nullable<Text>,
        guard_key -> Nullable<Text>,
    }
}

diesel::joinable!(poundcake_alerts -> poundcake_api_calls (api_call_id));
diesel::joinable!(poundcake_st2_execution_link -> poundcake_alerts (alert_id));
diesel::allow_tables_to_appear_in_same_query!(poundcake_api_calls, poundcake_alerts, poundcake_st2_execution_link);
