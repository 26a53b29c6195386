//! Why StackStorm refuses parameters.

/// Why parameters are refused, by the kind of Python exception: each has another answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParameterError {
    /// `ParamException`: 400, and a failed execution is left behind.
    Unrenderable(String),
    /// `ValueError` or a schema's error: 400.
    Value(String),
    /// Any other: 500.
    Other(String),
}
