//! What podman, skopeo and buildah share: configuration and image store of the containers
//! libraries, kept in the home of the one test that runs them.

use std::fs;

use super::program::Program;

/// Takes any image, signed or not.
const POLICY: &str = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

/// The program with a policy that trusts every image.
pub(crate) fn find(name: &str) -> Option<Program> {
    let program = Program::find(name, &format!("apt-get install {name}"))?;
    let config = program.home().join(".config/containers");
    fs::create_dir_all(&config).expect("a directory");
    fs::write(config.join("policy.json"), POLICY).expect("a policy");
    Some(program)
}

/// The program with an image store of its own as well.
pub(crate) fn find_with_store(name: &str) -> Option<Program> {
    let program = find(name)?;
    let [root, runroot] = ["root", "run"].map(|dir| program.home().join(dir));
    let store = ["--storage-driver=vfs".to_owned()].into_iter();
    let store = store.chain([format!("--root={}", root.display())]);
    let store = store.chain([format!("--runroot={}", runroot.display())]);
    Some(program.always(store.collect::<Vec<_>>()))
}
