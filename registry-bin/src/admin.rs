//! What an operator can have done to the registry's users, keys, repositories and uploads.
//!
//! A [`Command`] is the same whether the server that has the store open carries it out or the
//! command line itself, on a store that nobody serves: [`Administrator`] does it in both.

mod administrator;
mod answer;
mod command;
mod owner;
mod password;

pub(crate) use self::{
    administrator::{Administrator, Minter},
    answer::{
        Answer, Facts, KeyEntry, Reply, RepositoryEntry, Served, TokenKeyEntry, UploadEntry,
        UserEntry,
    },
    command::{Command, KEY_RECORDS, USER_RECORDS},
    owner::Owner,
    password::Hidden,
};
