//! The runner `python-script`: what a program is started with.

use std::{fs, path::Path, time::Duration};

use serde_json::{Map, Value};

use crate::{parameters, program, state::State, step::Step};

impl State {
    /// Passes an action's program to the task that runs programs.
    pub(super) fn start_program(&mut self, id: &str) {
        match self.program_of(id) {
            Ok(program) => {
                self.programs.push(program);
                self.wake.notify_one();
            }
            Err(why) => self.after(self.pace.work, Step::Finish(id.to_owned(), Box::new(program::failed(&why)))),
        }
    }

    fn program_of(&mut self, id: &str) -> Result<program::Program, String> {
        let execution = self.execution(id).ok_or("the execution is gone")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (pack, entry_point, user) =
            (text(&execution.action["pack"]), text(&execution.action["entry_point"]), text(&execution.user()));
        let directory = self.content.directory(&pack).ok_or("a compiled-in pack has no Python actions")?;
        let file = directory.join("actions").join(entry_point);
        let declared = parameters::declared(&execution.action, &execution.runner);
        let mut all = parameters::complete(&declared, &execution.parameters);
        let timeout = all.get("timeout").and_then(Value::as_u64).unwrap_or(600);
        let own = parameters::object(&execution.action["parameters"]);
        let runners = parameters::object(&execution.runner["runner_parameters"]);
        // The runner keeps its own parameters for itself, unless the action declares them as well.
        all.retain(|name, _| own.contains_key(name) && !runners.contains_key(name));
        let config = self.config_of(&pack)?;
        let mut environment = vec![
            ("ST2_ACTION_PACK_NAME", pack),
            ("ST2_ACTION_EXECUTION_ID", id.to_owned()),
            ("ST2_ACTION_API_URL", format!("{}/v1", self.api_url)),
        ];
        environment.push(("ST2_ACTION_AUTH_TOKEN", self.access.issue(&user)));
        Ok(program::Program {
            execution: id.to_owned(),
            python: self.python.clone(),
            file,
            parameters: all,
            config,
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            timeout: Duration::from_secs(timeout),
        })
    }

    /// A pack's configuration, read for each run, over the defaults of its `config.schema.yaml`.
    fn config_of(&self, pack: &str) -> Result<Value, String> {
        let mut config = Map::new();
        for (name, schema) in parameters::object(&self.content.config_schema(pack)) {
            if let Some(default) = schema.get("default") {
                config.insert(name, default.clone());
            }
        }
        let file = self.configs.as_ref().map(|directory| directory.join(format!("{pack}.yaml")));
        if let Some(file) = file.filter(|file| file.exists()) {
            config.extend(read(&file).map_err(|why| format!("{}: {why}", file.display()))?);
        }
        Ok(Value::Object(config))
    }
}

fn read(file: &Path) -> Result<Map<String, Value>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    if text.contains("{{") {
        return Err("the stand-in has no datastore: write values, not {{ … }}".to_owned());
    }
    serde_saphyr::from_str(&text).map_err(|error| error.to_string())
}
