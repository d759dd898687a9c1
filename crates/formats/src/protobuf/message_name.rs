//! Which message of a file a table's records are: by its name, or by that of the Java class that is made of it.

use prost_reflect::MessageDescriptor;

/// The name of a message, as a table gives it.
#[derive(Clone, Debug)]
pub(super) enum MessageName {
    /// `shop.Order`, or `Order` whatever the package.
    Proto(String),
    /// `com.example.Orders$Order`: Flink's way.
    JavaClass(String),
}

impl MessageName {
    /// Whether it is this message's.
    pub(super) fn is_of(&self, message: &MessageDescriptor) -> bool {
        match self {
            MessageName::Proto(name) => name == message.full_name() || name == within_package(message),
            MessageName::JavaClass(class) => is_class_of(class, message),
        }
    }

    /// The message that it is of.
    pub(super) fn find(&self, messages: Vec<MessageDescriptor>) -> Option<MessageDescriptor> {
        messages.into_iter().find(|message| self.is_of(message))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            MessageName::Proto(name) | MessageName::JavaClass(name) => name,
        }
    }
}

fn within_package(message: &MessageDescriptor) -> &str {
    let package = message.package_name();
    let name = message.full_name();
    name.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}

/// Java's names: the file's `java_package` or else its package; then, with `$` between them, an outer class for the whole
/// file unless it has `java_multiple_files`, and the message with those that it lies in. What the outer class is called when
/// the file does not say depends on the file's name, which is not known here: any will do.
fn is_class_of(class: &str, message: &MessageDescriptor) -> bool {
    let file = message.parent_file();
    let options = file.file_descriptor_proto().options.as_ref();
    let java_package = options.and_then(|options| options.java_package.as_deref());
    let outer = options.and_then(|options| options.java_outer_classname.as_deref());
    let (package, class) = class.rsplit_once('.').unwrap_or(("", class));
    let mut path = within_package(message).split('.');
    let mut steps = class.split('$');
    if package != java_package.unwrap_or(message.package_name()) {
        return false;
    }
    if steps.clone().eq(path.clone()) {
        return true;
    }
    let given = steps.next();
    outer.is_none_or(|outer| given == Some(outer)) && steps.by_ref().eq(path.by_ref())
}
