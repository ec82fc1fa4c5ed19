//! helm, which keeps charts as artifacts.

use std::fs;
use std::path::PathBuf;

use super::program::Program;
use super::registry::Registry;

pub(crate) fn helm() -> Option<Program> {
    Program::find("helm", "go install helm.sh/helm/v4/cmd/helm@v4.3.1")
}

/// Packages a chart of this version.
pub(crate) async fn package(helm: &Program, version: &str) -> PathBuf {
    let chart = helm.home().join("greeting");
    fs::create_dir_all(chart.join("templates")).expect("a directory");
    let metadata = format!("apiVersion: v2\nname: greeting\nversion: {version}\n");
    fs::write(chart.join("Chart.yaml"), metadata).expect("a file");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\n";
    fs::write(chart.join("templates/map.yaml"), template).expect("a file");
    helm.run(["package", "greeting"]).await;
    helm.home().join(format!("greeting-{version}.tgz"))
}

#[tokio::test]
async fn helm_pushes_and_pulls_a_chart() {
    let Some(helm) = helm() else { return };
    let registry = Registry::start();
    let repository = registry.repository("helm/greeting");
    let charts = format!("oci://{}", registry.repository("helm").named());
    let package = package(&helm, "0.1.0").await;
    let name = package.display().to_string();
    helm.run(["push", "--plain-http", &name, &charts]).await;
    let pushed = fs::read(&package).expect("a chart");
    let manifest = repository.manifest("0.1.0").await;
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.helm.config.v1+json");
    assert_eq!(manifest["layers"][0]["size"], pushed.len());
    let chart = format!("{charts}/greeting");
    fs::remove_file(&package).expect("the chart is there");
    helm.run(["pull", "--plain-http", &chart, "--version=0.1.0"]).await;
    let pulled = fs::read(&package).expect("a chart");
    assert!(pulled == pushed, "the chart came back changed");
    let pinned = format!("{chart}@{}", repository.digest("0.1.0").await);
    let shown = helm.run(["show", "chart", "--plain-http", &pinned]).await;
    assert!(shown.contains("version: 0.1.0"), "{shown}");
}

#[tokio::test]
async fn helm_finds_the_newest_version_among_the_tags() {
    let Some(helm) = helm() else { return };
    let registry = Registry::start();
    let charts = format!("oci://{}", registry.repository("helm").named());
    for version in ["0.9.0", "0.10.0", "1.0.0"] {
        let package = package(&helm, version).await.display().to_string();
        helm.run(["push", "--plain-http", &package, &charts]).await;
    }
    let chart = format!("{charts}/greeting");
    let shown = helm.run(["show", "chart", "--plain-http", &chart, "--version=^0"]).await;
    assert!(shown.contains("version: 0.10.0"), "{shown}");
}
