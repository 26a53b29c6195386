//! The files of the compiled-in packs, laid out as in a pack's directory; those of `core` are StackStorm's own (Apache
//! licence 2.0).

/// A pack and its files, by their path in it.
pub(super) struct Pack {
    pub(super) name: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// StackStorm's runners, as its API shows them.
pub(super) const RUNNERS: &str = include_str!("runners.json");
/// StackStorm's own trigger types, as its API shows them.
pub(super) const TRIGGER_TYPES: &str = include_str!("trigger_types.json");

macro_rules! pack {
    ($name:literal: $($file:literal),+ $(,)?) => {
        Pack { name: $name, files: &[$(($file, include_str!(concat!($name, "/", $file)))),+] }
    };
}

/// The packs.
pub(super) const PACKS: &[Pack] = &[
    pack!("core": "pack.yaml", "actions/echo.yaml", "actions/local.yaml", "actions/local_sudo.yaml", "actions/noop.yaml", "actions/remote.yaml"),
    pack!("remediation":
        "pack.yaml",
        "actions/host_down_workflow.yaml",
        "actions/fails.yaml",
        "actions/secretive.yaml",
        "actions/chain_workflow.yaml",
        "actions/workflows/host_down_workflow.yaml",
        "actions/workflows/failing_workflow.yaml",
        "actions/failing_workflow.yaml",
        "actions/disabled.yaml",
        "actions/chains/chain.yaml",
        "actions/guarded_workflow.yaml",
        "policies/guard.yaml",
        "rules/host_down_rule.yaml",
    ),
];
