//! `init`: makes what a registry with users starts from.

mod files;

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Command as Clap};
use registry_adapters::{accounts::GroupName, system::SystemRandom};

use super::{
    administer::{administer_here, arguments},
    output,
};
use crate::{
    admin::{Command, Hidden},
    config::{Config, USUAL},
    failure::{Failure, InitError},
};

/// The file of rules.
const POLICY: &str = "policy.toml";
/// The first user, and the group that the rules let do everything.
const ADMIN: &str = "admin";
const ADMINS: &str = "admins";

pub(super) fn command() -> Clap {
    Clap::new("init")
        .about("Write a configuration and a policy into this directory, and make the first user")
        .args(arguments())
}

/// Makes it all, or leaves nothing behind, and says what to do next.
pub(super) fn run(_: &ArgMatches, config: &Config) -> Result<(), Failure> {
    let data = config.data.value.path();
    let configuration = New::write(USUAL.as_ref(), &files::configuration(&beside(data)))?;
    let policy = New::write(POLICY.as_ref(), files::POLICY)?;
    let password = Hidden::generate(&SystemRandom);
    let groups: Vec<GroupName> = vec![ADMINS.parse().expect("it is a name")];
    let name = ADMIN.parse().expect("it is a name");
    let add = Command::UserAdd { name, groups, password: password.clone() };
    administer_here(config, add).map_err(|failure| in_store(data, failure))?;
    configuration.keep();
    policy.keep();
    let instead = format!("`registry-bin user passwd {ADMIN}`");
    output::print_once(&next(data, config, &password), &instead)
}

/// The path as it counts from the configuration, so that both can move together.
fn beside(data: &Path) -> PathBuf {
    let here = env::current_dir().ok();
    let inside = here.and_then(|here| data.strip_prefix(here).map(Path::to_owned).ok());
    inside.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| data.to_owned())
}

/// Says of which store it is that there is a user already: nobody has named it.
fn in_store(data: &Path, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(why) => {
            Failure::Refused(format!("{why}: {ADMIN} in the store in {}", data.display()))
        }
        other => other,
    }
}

fn next(data: &Path, config: &Config, password: &Hidden) -> String {
    let address = config.listen.value;
    format!(
        "wrote {USUAL}    how the server runs\n\
         wrote {POLICY}      who may do what\n\
         made {}\n\n\
         user      {ADMIN}\n\
         password  {}    (shown this once)\n\n\
         next, in this directory:\n\n    \
         registry-bin serve\n    \
         docker login {address} -u {ADMIN}\n    \
         docker tag alpine {address}/team/alpine\n    \
         docker push {address}/team/alpine\n\n\
         then, for a user who works in team, a build that pushes to it, and everybody to pull:\n\n    \
         registry-bin user add alice --group team\n    \
         registry-bin key create --project team --expires 90d\n    \
         registry-bin repository set team/alpine --visibility public\n    \
         registry-bin explain alice push team/alpine\n",
        data.display(),
        password.expose(),
    )
}

/// A file that was not there before, and is removed again unless it is kept.
struct New {
    path: PathBuf,
    is_kept: bool,
}

impl New {
    fn write(path: &Path, text: &str) -> Result<Self, InitError> {
        let failed = |source| InitError::System { path: path.to_owned(), source };
        let mut file = match File::create_new(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(InitError::Exists { path: path.to_owned() });
            }
            Err(source) => return Err(failed(source)),
        };
        let new = Self { path: path.to_owned(), is_kept: false };
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(new)
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left is said by the next attempt.
            let _ = fs::remove_file(&self.path);
        }
    }
}
