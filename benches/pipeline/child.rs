//! The programs that are measured, as processes of their own: PoundCake's release binary, and this program in a role.

use super::usage;
use anyhow::{Context, bail};
use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child as Process, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::net::TcpSocket;

/// A running program; killed on drop.
pub struct Child {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// Holds the port until the program has it, and after that.
    _reserved: TcpSocket,
}

/// PoundCake's settings that differ from the defaults.
pub type Variables<'a> = &'a [(&'a str, String)];

/// Which `poundcake`.
#[derive(Debug, Clone, Copy)]
pub enum Program<'a> {
    /// The one that was built with this benchmark.
    Built,
    /// Another version.
    At(&'a Path),
}

impl Program<'_> {
    /// Starts it.
    pub fn command(self) -> Command {
        match self {
            Self::Built => Command::new(env!("CARGO_BIN_EXE_poundcake")),
            Self::At(path) => Command::new(path),
        }
    }
}

impl Child {
    /// A subcommand of `poundcake`, ready. Its log goes to a file, as a service manager would keep it.
    pub fn poundcake(
        program: Program<'_>,
        arguments: &[&str],
        variables: Variables<'_>,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let (reserved, address) = reserve()?;
        let mut command = program.command();
        command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        for name in ["POUNDCAKE_LISTEN", "POUNDCAKE_DISPATCHER_LISTEN"] {
            command.env(name, address.to_string());
        }
        Self::spawn(command, (reserved, address), directory, arguments.first().copied().unwrap_or_default())
    }

    /// This program in one of its roles, ready.
    pub fn role(role: &str, arguments: &[String], directory: &Path) -> anyhow::Result<Self> {
        let (reserved, address) = reserve()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("role={role}")).arg(address.to_string()).args(arguments);
        Self::spawn(command, (reserved, address), directory, role)
    }

    fn spawn(mut command: Command, at: (TcpSocket, SocketAddr), directory: &Path, name: &str) -> anyhow::Result<Self> {
        let (reserved, address) = at;
        let log = File::create(directory.join(format!("{name}.log")))?;
        command.current_dir(directory).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().with_context(|| format!("{name} does not start"))?;
        let mut child = Self { process, address, _reserved: reserved };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_ready(address) {
            if Instant::now() > deadline || child.process.try_wait()?.is_some() {
                let log = std::fs::read_to_string(directory.join(format!("{name}.log"))).unwrap_or_default();
                bail!("{name} does not get ready: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(child)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The most memory it has held.
    pub fn peak_rss_mib(&self) -> f64 {
        usage::peak_rss_mib(self.pid())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Binds a free port without listening: the program that gets this port can bind it too (`SO_REUSEADDR`), and no other program can.
fn reserve() -> anyhow::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        // The status is enough; not everybody closes the connection.
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
