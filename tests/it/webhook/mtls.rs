//! Client certificates: row A06, by a real nginx with the shipped configuration in front of the real doors.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::{PATH, TOKEN, body, start};

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a06_a_certificate_of_another_client_is_403() {
    let server = start().await;
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let (port, _nginx) = nginx(dir.path(), server.address.port());

    assert_eq!(post(dir.path(), port, None, Some(TOKEN)), "400", "no certificate");
    assert_eq!(
        post(dir.path(), port, Some("stranger"), Some(TOKEN)),
        "400",
        "of another authority"
    );
    assert_eq!(
        post(dir.path(), port, Some("grafana"), Some(TOKEN)),
        "403",
        "ours, but not allowed"
    );
    assert!(server.stored().is_empty());
    assert_eq!(
        post(dir.path(), port, Some("alertmanager"), None),
        "401",
        "the token is asked for all the same"
    );
    assert_eq!(post(dir.path(), port, Some("alertmanager"), Some(TOKEN)), "200");
    assert_eq!(server.stored().len(), 1);
}

fn openssl(dir: &Path, arguments: &str) {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority with a server and two clients, and a stranger who signs for itself.
fn certificates(dir: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        dir,
        &format!("req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out clients-ca.pem"),
    );
    openssl(
        dir,
        &format!(
            "req -x509 {key} -days 2 -subj /CN=alertmanager -keyout stranger.key -out stranger.pem"
        ),
    );
    for name in ["server", "alertmanager", "grafana"] {
        let subject = format!("-subj /CN={name} -addext subjectAltName=DNS:reclose.internal");
        openssl(dir, &format!("req {key} {subject} -keyout {name}.key -out {name}.csr"));
        openssl(
            dir,
            &format!(
                "x509 -req -days 2 -in {name}.csr -CA clients-ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -out {name}.pem"
            ),
        );
    }
}

/// nginx with `deploy/nginx-mtls.conf`, its paths and ports replaced; one process, so that ending it ends all.
fn nginx(dir: &Path, behind: u16) -> (u16, Nginx) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = dir.display();
    let shipped = include_str!("../../../deploy/nginx-mtls.conf")
        .replace("/etc/reclose/tls", &at.to_string())
        .replace("listen 7326", &format!("listen 127.0.0.1:{port}"))
        .replace("127.0.0.1:7325", &format!("127.0.0.1:{behind}"));
    let conf = format!(
        "daemon off; pid {at}/nginx.pid; error_log {at}/nginx.log; master_process off;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
         {shipped}}}\n"
    );
    std::fs::write(dir.join("nginx.conf"), conf).unwrap();
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let child = Command::new(program)
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .arg("-e")
        .arg(dir.join("nginx.log"))
        .stdin(Stdio::null())
        .spawn()
        .expect("nginx is installed (tests/lab/install.sh)");
    let nginx = Nginx(child);
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (port, nginx);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nginx did not start: {:?}", std::fs::read_to_string(dir.join("nginx.log")));
}

/// Posts by curl, because a client certificate is nothing that reclose itself ever shows.
fn post(dir: &Path, port: u16, certificate: Option<&str>, token: Option<&str>) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "--max-time",
        "10",
    ])
    .args(["--noproxy", "*", "--http1.1", "--cacert"])
    .arg(dir.join("clients-ca.pem"))
    .args(["--resolve", &format!("reclose.internal:{port}:127.0.0.1")])
    .args(["--header", "Content-Type: application/json", "--data-binary", &body()]);
    if let Some(name) = certificate {
        curl.arg("--cert").arg(dir.join(format!("{name}.pem")));
        curl.arg("--key").arg(dir.join(format!("{name}.key")));
    }
    if let Some(token) = token {
        curl.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = curl.arg(format!("https://reclose.internal:{port}{PATH}")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
