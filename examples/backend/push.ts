/**
 * A backend that pushes to a user. A push that was not answered is made again under its key: it becomes one message.
 *
 *     LTY_TOKEN=$(npx lty token create --service backend --quiet) npx bun examples/backend/push.ts 2 "晚饭好了"
 */
const [user = "", text = ""] = process.argv.slice(2);
const url = process.env.LTY_URL ?? "http://127.0.0.1:8000";
const TRIES = 5;

interface Answer {
  readonly message: string;
  readonly data: { readonly message_id: string; readonly seq: number };
}

async function push(key: string): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(`${url}/api/messages/`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${process.env.LTY_TOKEN}`,
          "content-type": "application/json",
          "idempotency-key": key,
        },
        body: JSON.stringify({ type: "notice", message: text, user_id: Number(user) }),
      });
      const answer = (await response.json()) as Answer;
      if (response.ok) return answer;
      if (response.status < 500 || attempt === TRIES) throw new Error(answer.message);
    } catch (error) {
      if (!(error instanceof TypeError) || attempt === TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 100));
  }
}

const { data } = await push(crypto.randomUUID());
console.log(`accepted as ${data.seq}`);

export {};
