{% load static %}self.chorus = {
  sender: "{% url 'sender' %}",
  offline: "{% url 'offline' %}",
  files: [
    "{% static 'css/chorus.css' %}",
    "{% static 'vendor/idb-keyval/idb-keyval.umd.js' %}",
    "{% static 'js/queue.js' %}",
    "{% static 'js/offline.js' %}"
  ]
};
importScripts(
  "{% static 'vendor/idb-keyval/idb-keyval.umd.js' %}",
  "{% static 'js/queue.js' %}",
  "{% static 'js/worker.js' %}"
);
