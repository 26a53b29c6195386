//! Placeholders that come out empty: to an action, "" or "-*" may mean everything.

use super::ParameterError;
use crate::dispatcher::{
    routing::route::Route,
    template::{AlertView, Placeholder},
};

/// Fails where a placeholder of the route's own parameters is empty in this alert.
pub fn check_placeholders(route: &Route, alert: &AlertView<'_>) -> Result<(), ParameterError> {
    let all = placeholders(route);
    let refused = all.into_iter().find(|(_, placeholder)| placeholder.is_refused(alert));
    refused.map_or(Ok(()), |(name, placeholder)| {
        Err(ParameterError::Empty {
            name: name.to_owned(),
            placeholder: placeholder.to_string(),
            route: route.name.clone(),
        })
    })
}

/// The parameters and placeholders of a route for which some alert that it takes may have no value: such an alert is
/// `failed/rejected`.
pub fn may_be_empty(route: &Route) -> Vec<(&str, &Placeholder)> {
    let required = |placeholder: &Placeholder| {
        let by_match = placeholder.field.label().is_some_and(|label| route.matchers.require(label));
        placeholder.may_be_empty || !placeholder.field.is_optional() || by_match
    };
    placeholders(route).into_iter().filter(|(_, placeholder)| !required(placeholder)).collect()
}

fn placeholders(route: &Route) -> Vec<(&str, &Placeholder)> {
    let parameters = route.parameters.iter();
    parameters
        .flat_map(|(name, template)| template.placeholders().into_iter().map(move |p| (name.as_str(), p)))
        .collect()
}
