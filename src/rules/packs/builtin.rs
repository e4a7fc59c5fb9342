//! The texts of the packs that come with the program. Never read from disk when it runs.

macro_rules! texts {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../../rules/packs/", $file)))),*]
    };
}

pub(super) const TEXTS: &[(&str, &str)] = texts![
    "caddy.yaml",
    "cockatiel.yaml",
    "dapr.yaml",
    "envoy-outlier.yaml",
    "envoy-thresholds.yaml",
    "gobreaker.yaml",
    "haproxy-server.yaml",
    "haproxy.yaml",
    "hystrix.yaml",
    "hyx.yaml",
    "istio-outlier.yaml",
    "istio-thresholds.yaml",
    "kong.yaml",
    "linkerd.yaml",
    "nginx-plus.yaml",
    "nginx.yaml",
    "opossum.yaml",
    "polly.yaml",
    "pybreaker.yaml",
    "resilience4j.yaml",
    "smallrye.yaml",
    "spring-actuator.yaml",
    "traefik.yaml",
];
