# Read by scripts that need Java (`. jdk.sh COMMAND…`): installs Debian's JDK 17, and Maven where `mvn` is among the commands that are missing.
for command in "$@"; do
    command -v "$command" > /dev/null && continue
    export DEBIAN_FRONTEND=noninteractive
    sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo"
    packages="openjdk-17-jdk-headless"
    case " $* " in *" mvn "*) packages="$packages maven" ;; esac
    $sudo apt-get update -qq >&2
    # shellcheck disable=SC2086 # several words
    $sudo apt-get install -y -qq --no-install-recommends $packages >&2
    break
done

# maven_jars POM FOLDER: what a project depends on, from Maven.
maven_jars() {
    mvn --quiet --batch-mode --file "$1" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies "-DoutputDirectory=$2" >&2
}
