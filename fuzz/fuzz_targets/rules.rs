//! A file of rules: what is accepted is printed to a file that says the same, in either format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::policy::Rules;

fuzz_target!(|text: &str| {
    let (toml, json) =
        (toml::from_str::<Rules>(text).ok(), serde_json::from_str::<Rules>(text).ok());
    for rules in [toml, json].into_iter().flatten() {
        let printed = toml::to_string(&rules).expect("rules are tables of strings");
        assert_eq!(toml::from_str::<Rules>(&printed).as_ref(), Ok(&rules), "{printed}");
        let printed = serde_json::to_string(&rules).expect("rules are objects of strings");
        let again: Rules = serde_json::from_str(&printed).expect("it was printed");
        assert_eq!(again, rules, "{printed}");
    }
});
