//! `upload`: what is being pushed.

use clap::{Arg, ArgMatches, Command as Clap, value_parser};
use registry_core::ports::ContentId;

use super::{
    administer::{administer, arguments, json, wants_json},
    output,
    table::table,
};
use crate::{
    admin::{Answer, Command, UploadEntry},
    config::Config,
    failure::Failure,
};

const ID: &str = "id";

pub(super) fn command() -> Clap {
    let list = Clap::new("list").about("List the uploads that go on").arg(json()).args(arguments());
    let id = Arg::new(ID)
        .value_name("ID")
        .value_parser(value_parser!(ContentId))
        .required(true)
        .help("The upload's id, as `upload list` shows it");
    let cancel = Clap::new("cancel").about("Drop an upload").arg(id).args(arguments());
    Clap::new("upload")
        .about("Work on uploads that have not become blobs yet")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([list, cancel])
}

/// Has it done, and says so.
pub(super) fn run(matches: &ArgMatches, config: &Config) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("list", matches)) => {
            let Answer::Uploads(uploads) = administer(config, Command::UploadList)? else {
                return Err(Failure::Nonsense);
            };
            match wants_json(matches) {
                true => output::print_json(&uploads),
                false => output::print(&listed(&uploads)),
            }
        }
        Some(("cancel", matches)) => {
            let id = *matches.get_one::<ContentId>(ID).expect("it is required");
            administer(config, Command::UploadCancel { id: id.to_string() })?;
            output::say(&format!("cancelled upload {id}"));
            Ok(())
        }
        _ => unreachable!("a subcommand is required"),
    }
}

fn listed(uploads: &[UploadEntry]) -> String {
    let row = |upload: &UploadEntry| {
        let UploadEntry { id, repository, owner, bytes, expires } = upload;
        let repository = repository.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        [id.clone(), repository, owner.to_string(), bytes.to_string(), expires.clone()]
    };
    let head = ["ID", "REPOSITORY", "OWNER", "BYTES", "EXPIRES"];
    table(head, &uploads.iter().map(row).collect::<Vec<_>>())
}
