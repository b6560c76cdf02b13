// Every word the page shows: Chinese, English. Nothing else in the page holds text.
const WORDS = {
  live: ["● 实时连接", "● Live"],
  connecting: ["○ 正在连接…", "○ Connecting…"],
  reconnecting: ["▲ 连接中断，自 {0} 起重连，下面可能不是最新情况", "▲ Reconnecting since {0}: what follows may be out of date"],
  full: ["▲ 实时连接已满，自 {0} 起等待空位，下面可能不是最新情况", "▲ All live feeds are taken, waiting since {0}: what follows may be out of date"],
  cameras: ["摄像机 {0}/{1} 在线", "Cameras {0} of {1} connected"],
  backlog: ["待处理告警 {0} 条", "{0} alerts not yet taken in"],
  noWorkers: ["没有工作进程在线：没有摄像机被分析", "No worker is running: no camera is being watched"],
  noRedis: ["消息队列 Redis 断开：新告警暂存于工作进程", "Redis is away: new alerts wait at the workers"],
  unknownEstate: ["", ""],
  otherLanguage: ["English", "中文"],
  real: ["事件", "Incidents"],
  drills: ["演练", "Drills"],
  waitingCount: ["{0} 起待处置", "{0} waiting for a person"],
  goingCount: ["{0} 起进行中", "{0} going on"],
  counts: ["待处置 {0} · 演练 {1}", "Waiting {0} · Drills {1}"],
  realEmpty: ["目前没有事件。新事件会自动出现在这里。", "No incidents. A new one appears here by itself."],
  drillEmpty: ["目前没有演练。", "No drills."],
  loadFailed: ["列表读取失败，正在重试。", "The list could not be loaded; trying again."],
  drillBadge: ["演练", "DRILL"],
  waiting: ["已等待", "For"],
  onset: ["发现", "Onset"],
  camera: ["摄像机", "Camera"],
  zone: ["区域", "Zone"],
  ended: ["现象已于 {0} 结束", "Over since {0}"],
  going: ["现象持续中", "Going on"],
  score: ["置信度 {0}", "Score {0}"],
  alerts: ["告警 {0} 次", "{0} alerts"],
  noPicture: ["无图像：{0}", "No picture: {0}"],
  noOrder: ["未派单", "Not dispatched"],
  orderWaiting: ["派单待发送", "Order waiting to be sent"],
  orderSent: ["派单已于 {0} 发出", "Order sent at {0}"],
  "state.new": ["待处置", "Waiting for a person"],
  "state.dispatched": ["已派单", "Dispatched"],
  "state.closed": ["已关闭", "Closed"],
  "hazard.fire": ["明火", "Fire"],
  "hazard.smoke": ["烟雾", "Smoke"],
  "hazard.water_over_line": ["水位超线", "Water over the line"],
  "hazard.debris": ["落石塌方", "Debris on the way"],
  "hazard.obstruction": ["通道堵塞", "Way obstructed"],
  "hazard.stopped_vehicle": ["车辆停滞", "Stopped vehicle"],
  "hazard.wrong_way": ["逆行", "Wrong way"],
  "hazard.camera_fault": ["摄像机故障", "Camera fault"],
  "severity.extreme": ["特急", "Extreme"],
  "severity.severe": ["紧急", "Severe"],
  "severity.moderate": ["一般", "Moderate"],
  "severity.minor": ["轻微", "Minor"],
  "fault.lost": ["失联", "lost"],
  "fault.frozen": ["画面冻结", "frozen"],
  "fault.black": ["黑屏", "black"],
  "fault.covered": ["被遮挡", "covered"],
  "fault.blurred": ["模糊", "blurred"],
  "fault.moved": ["移位", "moved"],
  "absent.no_masker": ["遮蔽功能尚未安装", "no masker is installed yet"],
  "absent.masker_failed": ["遮蔽失败", "the masker failed"],
  "absent.masker_slow": ["遮蔽超时", "the masker was too slow"],
  "absent.store_failed": ["图像保存失败", "it could not be stored"],
  "absent.hourly_cap": ["本小时图像已达上限", "this hour's limit is reached"],
  "absent.not_for_this_hazard": ["此类事件不取图像", "this hazard has none by design"],
  day: ["{0} 天 {1} 小时", "{0} d {1} h"],
  hour: ["{0} 小时 {1} 分", "{0} h {1} min"],
  minute: ["{0} 分 {1} 秒", "{0} min {1} s"],
  second: ["{0} 秒", "{0} s"],
};

const KEPT_AS = "fengsui.language";
let column = kept() === "en" ? 1 : 0;

// A browser that forbids storage throws: then the choice lasts as long as the page.
function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function keep(language) {
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // nothing depends on it
  }
}

export const languageTag = () => (column === 0 ? "zh-CN" : "en-GB");

export function switchLanguage() {
  column = 1 - column;
  keep(column === 0 ? "zh" : "en");
}

// An unknown key shows itself, so that a new hazard is never an empty card.
export function say(key, ...values) {
  const word = Object.hasOwn(WORDS, key) ? WORDS[key][column] : key.split(".").pop();
  return word.replace(/\{(\d)\}/g, (_, index) => values[index]);
}
