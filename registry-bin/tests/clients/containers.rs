//! What podman, skopeo and buildah share: configuration and image store of the containers
//! libraries, kept in the home of the one test that runs them.

use std::fs;

use super::program::Program;

/// Takes any image, signed or not.
const POLICY: &str = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

/// The program with a policy that trusts every image.
pub(crate) fn find(name: &str) -> Option<Program> {
    Program::find(name, &install(name)).map(trusting)
}

/// The program with an image store of its own as well.
pub(crate) fn find_with_store(name: &str) -> Option<Program> {
    let program = Program::find_as_root(name, &install(name)).map(trusting)?;
    let home = program.home().display();
    let store = [format!("--root={home}/root"), format!("--runroot={home}/run")];
    Some(program.always(["--storage-driver=vfs"]).always(store))
}

fn trusting(program: Program) -> Program {
    let config = program.home().join(".config/containers");
    fs::create_dir_all(&config).expect("a directory");
    fs::write(config.join("policy.json"), POLICY).expect("a policy");
    program
}

fn install(name: &str) -> String {
    format!("apt-get install {name}")
}
