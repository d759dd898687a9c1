/** A short word about what just happened: "Link copied". */

let message = $state("");
let timer: ReturnType<typeof setTimeout> | undefined;

export const toast = {
  get message(): string {
    return message;
  },
  say(text: string): void {
    message = text;
    clearTimeout(timer);
    timer = setTimeout(() => (message = ""), 2_500);
  },
};

/** Copies, also where the page is not served securely and the clipboard API is missing. */
export const copy = async (text: string, said: string): Promise<void> => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast.say(said);
};

/** Hands a file to the viewer. */
export const download = (name: string, content: Blob | string, type = "text/plain"): void => {
  const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
