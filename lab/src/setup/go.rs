//! The Go programs of the lab, built from the modules that `lab/go/*` pins by go.mod and go.sum.

use std::fs;
use std::path::{Path, PathBuf};

use super::cache::{Artefact, Inputs};
use crate::error::{Context, Error};
use crate::process;

/// Version that Cilium's programs report: number, revision and date, to which they add Go's (its pkg/version).
const CILIUM_LDFLAGS: &str =
    "-X 'github.com/cilium/cilium/pkg/version.ciliumVersion=1.19.6 lab 2026-01-01T00:00:00+00:00'";
/// Version that Kubernetes' programs report (k8s.io/component-base/version).
const KUBERNETES_LDFLAGS: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 \
    -X k8s.io/component-base/version.gitTreeState=clean";
/// flanneld links C because of its udp backend, hence a static C library; Go's own resolver avoids the warnings.
const FLANNELD_LDFLAGS: &str =
    "-X github.com/flannel-io/flannel/pkg/version.Version=v0.28.9 -linkmode external -extldflags -static";

/// One call of `go build` in a module.
struct Build {
    /// Folder below `lab/go`.
    module: &'static str,
    /// Main packages, each with the file name of its program.
    programs: &'static [(&'static str, &'static str)],
    /// Linker flags beyond `-s -w`.
    ldflags: &'static str,
    /// Build tags, comma separated.
    tags: &'static str,
    /// Whether C code is linked.
    cgo: bool,
}

const PLAIN: Build = Build { module: "", programs: &[], ldflags: "", tags: "", cgo: false };

/// The programs that nodes and images are made of.
const BUILDS: &[Build] = &[
    Build { module: "pause", programs: &[(".", "pause")], ..PLAIN },
    Build {
        module: "cni-plugins",
        programs: &[
            ("github.com/containernetworking/plugins/plugins/main/bridge", "bridge"),
            ("github.com/containernetworking/plugins/plugins/main/loopback", "loopback"),
            ("github.com/containernetworking/plugins/plugins/ipam/host-local", "host-local"),
            ("github.com/containernetworking/plugins/plugins/meta/portmap", "portmap"),
        ],
        ..PLAIN
    },
    Build {
        module: "cni-flannel",
        programs: &[("github.com/containernetworking/plugins/plugins/meta/flannel", "flannel")],
        ..PLAIN
    },
    Build { module: "etcd", programs: &[("go.etcd.io/etcd/server/v3", "etcd")], ..PLAIN },
    Build {
        module: "k8s",
        programs: &[
            ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            ("k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
            ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
            ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
            ("k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
            ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ],
        ldflags: KUBERNETES_LDFLAGS,
        ..PLAIN
    },
    Build {
        module: "flannel",
        programs: &[("github.com/flannel-io/flannel", "flanneld")],
        ldflags: FLANNELD_LDFLAGS,
        tags: "netgo,osusergo",
        cgo: true,
    },
    Build {
        module: "flannel",
        programs: &[("github.com/flannel-io/flannel/cmd/install_conf", "install-conf")],
        ..PLAIN
    },
    Build {
        module: "cilium",
        programs: &[
            ("github.com/cilium/cilium/daemon", "cilium-agent"),
            ("github.com/cilium/cilium/plugins/cilium-cni", "cilium-cni"),
            ("github.com/cilium/cilium/cilium-dbg", "cilium-dbg"),
            ("github.com/cilium/cilium/cilium-health", "cilium-health"),
            ("github.com/cilium/cilium/cilium-health/responder", "cilium-health-responder"),
            ("github.com/cilium/cilium/tools/mount", "cilium-mount"),
            ("github.com/cilium/cilium/tools/sysctlfix", "cilium-sysctlfix"),
        ],
        ldflags: CILIUM_LDFLAGS,
        ..PLAIN
    },
    Build {
        module: "cilium",
        programs: &[("github.com/cilium/cilium/operator", "cilium-operator-generic")],
        ldflags: CILIUM_LDFLAGS,
        tags: "ipam_provider_operator",
        ..PLAIN
    },
    Build { module: "coredns", programs: &[("github.com/coredns/coredns", "coredns")], ..PLAIN },
];
/// Programs that run beside a cluster and are in no image.
const BESIDE: &[Build] = &[
    Build { module: "kwok", programs: &[("sigs.k8s.io/kwok/cmd/kwok", "kwok")], ..PLAIN },
    Build {
        module: "krew",
        programs: &[
            ("sigs.k8s.io/krew/cmd/krew", "krew"),
            ("sigs.k8s.io/krew/cmd/validate-krew-manifest", "validate-krew-manifest"),
        ],
        ..PLAIN
    },
];

/// One artefact per call of `go build`, for nodes and images.
pub(crate) fn artefacts() -> Result<Vec<Artefact>, Error> {
    BUILDS.iter().map(artefact).collect()
}

/// The same for programs that are in no image.
pub(crate) fn artefacts_beside() -> Result<Vec<Artefact>, Error> {
    BESIDE.iter().map(artefact).collect()
}

/// The folder of the sources that a Go module was downloaded to, e.g. Cilium's chart and eBPF programs.
pub(crate) fn module_folder(module: &str, path: &str) -> Result<PathBuf, Error> {
    let mut go = process::command("go", ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", path]);
    let folder = process::text(environment(&mut go).current_dir(source(module)))?;
    match folder.trim() {
        "" => Err(Error::Missing {
            what: format!("the source of Go module {path}"),
            remedy: format!("run `go mod download {path}` in lab/go/{module}"),
        }),
        folder => Ok(folder.into()),
    }
}

fn source(module: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(module)
}

fn artefact(build: &'static Build) -> Result<Artefact, Error> {
    let inputs = Inputs::recipe(1).folder(&source(build.module))?;
    let hash = argv(build, Path::new("OUT")).iter().fold(inputs, |inputs, word| inputs.text(word)).finish();
    let first = build.programs[0].1;
    Ok(Artefact { kind: format!("go-{first}"), hash, build: Box::new(|out| compile(build, out)) })
}

fn argv(build: &Build, out: &Path) -> Vec<String> {
    let ldflags = format!("-s -w {}", build.ldflags);
    let mut argv = vec!["build".into(), "-mod=readonly".into(), "-trimpath".into()];
    if !build.tags.is_empty() {
        argv.extend(["-tags".into(), build.tags.into()]);
    }
    argv.extend(["-ldflags".into(), ldflags.trim_end().into()]);
    match build.programs {
        [(package, program)] => {
            argv.extend(["-o".into(), out.join(program).display().to_string(), (*package).into()]);
        }
        many => {
            argv.extend(["-o".into(), format!("{}/", out.display())]);
            argv.extend(many.iter().map(|(package, _)| (*package).into()));
        }
    }
    argv
}

fn compile(build: &Build, out: &Path) -> Result<(), Error> {
    let mut go = process::command("go", argv(build, out));
    let cgo = if build.cgo { "1" } else { "0" };
    process::output(environment(&mut go).env("CGO_ENABLED", cgo).current_dir(source(build.module)))?;
    for (package, program) in build.programs {
        // Several packages in one call are named after their folder.
        let named = out.join(package.rsplit('/').next().unwrap_or(package));
        if build.programs.len() > 1 && !named.ends_with(program) {
            fs::rename(&named, out.join(program)).at("rename", &named)?;
        }
    }
    Ok(())
}

/// The checksum database does not know Cilium's fork of gobgp; go.sum pins it all the same.
fn environment(go: &mut std::process::Command) -> &mut std::process::Command {
    go.env("GONOSUMDB", "github.com/cilium/gobgp/v3").env_remove("GOFLAGS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_folder_is_pinned_and_built() {
        let built: std::collections::BTreeSet<_> =
            BUILDS.iter().chain(BESIDE).map(|build| build.module.to_owned()).collect();
        let folders = super::super::cache::sorted(&source("")).unwrap();
        let names: std::collections::BTreeSet<_> =
            folders.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(built, names);
        assert!(folders.iter().all(|folder| folder.join("go.mod").is_file()));
    }

    #[test]
    fn one_program_is_named_and_many_go_to_a_folder() {
        let one = argv(&BUILDS[3], Path::new("/out")).join(" ");
        assert_eq!(
            one,
            "build -mod=readonly -trimpath -ldflags -s -w -o /out/etcd go.etcd.io/etcd/server/v3"
        );
        let many = argv(&BUILDS[1], Path::new("/out")).join(" ");
        assert!(
            many.contains("-o /out/ github.com/containernetworking/plugins/plugins/main/bridge github.com")
        );
    }

    #[test]
    fn flags_are_part_of_the_hash() {
        let hashes: std::collections::BTreeSet<_> =
            artefacts().unwrap().into_iter().chain(artefacts_beside().unwrap()).map(|a| a.hash).collect();
        assert_eq!(hashes.len(), BUILDS.len() + BESIDE.len());
    }
}
