use bytes::Bytes;
use criterion::{Criterion, Throughput};
use registry_adapters::hashing::{self, Hashing};
use registry_core::{
    digest::{Algorithm, HashState},
    ports::{HashBackend, Sha2},
};

/// Sizes of one buffer: a small frame, a usual one of HTTP/2, and the largest piece in which a
/// connection is read. An update may take more than one, 384 KiB in all.
const CHUNKS: [usize; 3] = [1 << 10, 16 << 10, 256 << 10];

/// Bytes a second of each backend, and what saving a state costs.
pub(crate) fn hash(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let backends: [(&str, Box<dyn HashBackend>); 3] = [
        ("sha2 in line", Box::new(Sha2::default())),
        ("AWS-LC", Box::new(Hashing::aws_lc())),
        ("fastest", Box::new(hashing::fastest())),
    ];
    for (name, backend) in &backends {
        for algorithm in Algorithm::ALL {
            let mut group = c.benchmark_group(format!("digest/{name}/{algorithm}"));
            for chunk in CHUNKS {
                let bytes = Bytes::from(vec![0xa5; chunk]);
                let state = HashState::new(algorithm);
                group.throughput(Throughput::Bytes(chunk as u64));
                group.bench_function(format!("{} KiB", chunk >> 10), |b| {
                    b.iter(|| runtime.block_on(backend.update(state.clone(), vec![bytes.clone()])));
                });
            }
        }
    }
    let mut group = c.benchmark_group("digest/state");
    for algorithm in Algorithm::ALL {
        let mut state = HashState::new(algorithm);
        state.update(&[0xa5; 1000]);
        let saved = state.to_string();
        group.bench_function(format!("save {algorithm}"), |b| b.iter(|| state.to_string()));
        group
            .bench_function(format!("load {algorithm}"), |b| b.iter(|| saved.parse::<HashState>()));
    }
}
